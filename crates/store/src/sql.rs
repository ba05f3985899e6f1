//! The SQL of a table: one statement per verb, written from its definition.

use crate::schema::{Definition, Index};

/// The texts that do not depend on the request.
pub struct Statements {
    pub get: String,
    pub scan: String,
    pub insert: String,
    pub update: String,
    pub delete: String,
    pub reseal: String,
}

/// What the store keeps beside the columns of each row.
const OWN: [&str; 3] = ["_version", "_seq", "_mac"];

impl Statements {
    pub fn new(table: &Definition) -> Self {
        let name = &table.name;
        let columns: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .chain(OWN)
            .collect();
        // Parameters are numbered by column, so that every statement takes a whole row, or the key alone first.
        let at = |column: &str| {
            columns
                .iter()
                .position(|c| *c == column)
                .expect("the schema was validated")
                + 1
        };
        let by_key = each(&table.key, " AND ", |i, column| {
            format!("{} = ?{}", quoted(column), i + 1)
        });
        let by_row = each(&table.key, " AND ", |_, column| {
            format!("{} = ?{}", quoted(column), at(column))
        });
        let rest: Vec<_> = columns
            .iter()
            .filter(|column| !table.key.iter().any(|key| key == *column))
            .collect();
        let list = each(&columns, ", ", |_, column| quoted(column));
        Self {
            get: format!(
                "SELECT {list} FROM {} NOT INDEXED WHERE {by_key}",
                quoted(name)
            ),
            scan: format!("SELECT {list} FROM {} NOT INDEXED", quoted(name)),
            insert: format!(
                "INSERT INTO {} ({list}) VALUES ({})",
                quoted(name),
                each(&columns, ", ", |i, _| format!("?{}", i + 1)),
            ),
            update: format!(
                "UPDATE {} SET {} WHERE {by_row}",
                quoted(name),
                // Naming the key here would make SQLite move the row even though the key stays.
                each(&rest, ", ", |_, column| format!(
                    "{} = ?{}",
                    quoted(column),
                    at(column)
                )),
            ),
            delete: format!("DELETE FROM {} WHERE {by_key}", quoted(name)),
            reseal: format!(
                "UPDATE {} SET _mac = ?{} WHERE {by_key}",
                quoted(name),
                table.key.len() + 1
            ),
        }
    }
}

/// `CREATE` statements for the table and its indexes, for those that are not there yet.
pub fn create(table: &Definition) -> String {
    let columns = each(&table.columns, ", ", |_, column| {
        format!(
            "{} {}{}",
            quoted(&column.name),
            column.kind.sql(),
            if column.null { "" } else { " NOT NULL" }
        )
    });
    let key = each(&table.key, ", ", |_, column| quoted(column));
    let table_sql = format!(
        "CREATE TABLE IF NOT EXISTS {} ({columns}, _version INTEGER NOT NULL, _seq INTEGER NOT NULL, \
         _mac BLOB NOT NULL, PRIMARY KEY ({key})) STRICT, WITHOUT ROWID;",
        quoted(&table.name)
    );
    let index_sql = each(
        &table.indexes,
        "",
        |_,
         Index {
             name,
             columns,
             unique,
         }| {
            format!(
                "CREATE {}INDEX IF NOT EXISTS {} ON {} ({});",
                if *unique { "UNIQUE " } else { "" },
                quoted(name),
                quoted(&table.name),
                each(columns, ", ", |_, column| quoted(column)),
            )
        },
    );
    table_sql + &index_sql
}

/// The rows of an index range: equal on the first `equal` of `order`, and beyond a value on the next if asked for.
pub struct Range<'a> {
    pub table: &'a Definition,
    /// The index, or none for the primary key.
    pub index: Option<&'a str>,
    /// The columns in the order of the index: its own, then those of the key it lacks.
    pub order: &'a [String],
    pub equal: usize,
    pub beyond: Option<Bound>,
}

/// How a column lies beyond a value.
#[derive(Clone, Copy)]
pub enum Bound {
    After,
    From,
}

impl Range<'_> {
    pub fn select(&self) -> String {
        let columns = each(&self.table.columns, ", ", |_, column| quoted(&column.name));
        let order = each(&self.order[self.equal..], ", ", |_, column| quoted(column));
        let order = if order.is_empty() {
            order
        } else {
            format!(" ORDER BY {order}")
        };
        format!(
            "SELECT {columns}, {} {}{order} LIMIT ?",
            OWN.join(", "),
            self.rows()
        )
    }

    pub fn count(&self) -> String {
        format!("SELECT COUNT(*) {}", self.rows())
    }

    fn rows(&self) -> String {
        let index = self.index.map_or("NOT INDEXED".to_owned(), |name| {
            format!("INDEXED BY {}", quoted(name))
        });
        let mut terms: Vec<_> = self.order[..self.equal]
            .iter()
            .map(|column| format!("{} IS ?", quoted(column)))
            .collect();
        if let Some(bound) = self.beyond {
            let sign = if matches!(bound, Bound::After) {
                ">"
            } else {
                ">="
            };
            terms.push(format!("{} {sign} ?", quoted(&self.order[self.equal])));
        }
        let filter = if terms.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", terms.join(" AND "))
        };
        format!("FROM {} {index}{filter}", quoted(&self.table.name))
    }
}

fn each<T>(items: &[T], separator: &str, write: impl Fn(usize, &T) -> String) -> String {
    items
        .iter()
        .enumerate()
        .map(|(i, item)| write(i, item))
        .collect::<Vec<_>>()
        .join(separator)
}

fn quoted(name: impl AsRef<str>) -> String {
    format!("\"{}\"", name.as_ref())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::schema::Schema;

    /// No range may sort or scan what an index could give, or a page of a million rows would cost a million.
    #[test]
    fn every_range_is_a_search_of_its_index_without_sorting() {
        let schema = Schema::parse(
            r#"{ "version": 1, "tables": [{ "name": "t", "key": ["a", "b"], "columns": [
                { "name": "a", "type": "TEXT" }, { "name": "b", "type": "TEXT" },
                { "name": "c", "type": "INTEGER", "null": true }],
                "indexes": [{ "name": "by_c", "columns": ["c", "b"] }] }] }"#,
        )
        .expect("it is right");
        let connection = Connection::open_in_memory().expect("memory");
        connection
            .execute_batch(&create(&schema.tables[0]))
            .expect("it is SQL");
        for (index, order) in [
            (None, ["a", "b"].as_slice()),
            (Some("by_c"), &["c", "b", "a"]),
        ] {
            let order: Vec<String> = order.iter().map(|&column| column.into()).collect();
            for equal in 0..=order.len() {
                for beyond in [None, Some(Bound::After), Some(Bound::From)]
                    .into_iter()
                    .take(order.len() - equal + 1)
                {
                    let range = Range {
                        table: &schema.tables[0],
                        index,
                        order: &order,
                        equal,
                        beyond,
                    };
                    for sql in [range.select(), range.count()] {
                        let plan = plan(&connection, &sql);
                        let searched = equal > 0 || beyond.is_some();
                        assert!(
                            plan.starts_with(if searched { "SEARCH" } else { "SCAN" }),
                            "{sql}: {plan}"
                        );
                        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
                    }
                }
            }
        }
    }

    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .expect("it is SQL");
        let parameters = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(parameters), |row| {
            row.get::<_, String>(3)
        });
        steps
            .expect("it is a plan")
            .map(|step| step.expect("it is text"))
            .collect::<Vec<_>>()
            .join("; ")
    }
}
