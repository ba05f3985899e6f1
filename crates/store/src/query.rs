//! Reads: one row by its key, a range of rows in the order of an index, a count.

use rusqlite::{Connection, params_from_iter};

use crate::error::{Error, Result};
use crate::reply::Reply;
use crate::schema::Index;
use crate::shared::Shared;
use crate::sql::{Bound, Range};
use crate::table::{Row, Table};
use crate::value::Value;

/// Which rows to list, in the order of `index`, or of the primary key when it is empty.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The table.
    pub table: String,
    /// One of its indexes, or nothing for the primary key.
    pub index: String,
    /// The values of the leading columns.
    pub equal: Vec<Value>,
    /// The remaining columns of the index, and then those of the key it lacks, of the row to begin after.
    pub after: Option<Vec<Value>>,
    /// How many rows at most.
    pub limit: usize,
}

/// A read and the way back.
pub enum Query {
    Get {
        table: String,
        key: Vec<Value>,
        reply: Reply<Option<Row>>,
    },
    List {
        list: List,
        reply: Reply<Vec<Row>>,
    },
    Count {
        list: List,
        reply: Reply<i64>,
    },
    /// The last one: the thread that runs them ends.
    End,
}

impl Query {
    pub fn run(self, connection: &Connection, shared: &Shared) {
        let healthy = shared.health.check();
        match self {
            Self::Get { table, key, reply } => {
                reply.send(
                    shared
                        .health
                        .watch(healthy.and_then(|()| get(connection, shared, &table, &key))),
                );
            }
            Self::List {
                list: wanted,
                reply,
            } => {
                reply.send(
                    shared
                        .health
                        .watch(healthy.and_then(|()| list(connection, shared, &wanted))),
                );
            }
            Self::Count { list, reply } => {
                reply.send(
                    shared
                        .health
                        .watch(healthy.and_then(|()| count(connection, shared, &list))),
                );
            }
            Self::End => {}
        }
    }
}

fn get(
    connection: &Connection,
    shared: &Shared,
    table: &str,
    key: &[Value],
) -> Result<Option<Row>> {
    let table = shared.table(table)?;
    table.admit_key(key)?;
    let found = table.find(connection, &shared.macs, key)?;
    found
        .map(|sealed| shared.uncover(table, sealed.row))
        .transpose()
}

fn count(connection: &Connection, shared: &Shared, list: &List) -> Result<i64> {
    let table = shared.table(&list.table)?;
    let order = Order::of(table, &list.index)?;
    order.admit(&list.equal, 0, "equal")?;
    let mut statement = connection.prepare_cached(&order.range(list.equal.len(), None).count())?;
    Ok(statement.query_row(params_from_iter(&list.equal), |row| row.get(0))?)
}

/// What lies after (a, b, c) is what equals (a, b) with a greater c, then what equals (a) with a greater b, and so on:
/// each a range of the index, whatever is null.
fn list(connection: &Connection, shared: &Shared, list: &List) -> Result<Vec<Row>> {
    let table = shared.table(&list.table)?;
    let order = Order::of(table, &list.index)?;
    order.admit(&list.equal, 0, "equal")?;
    let mut rows = Vec::new();
    let Some(after) = &list.after else {
        order.fetch(connection, shared, &list.equal, None, list.limit, &mut rows)?;
        return Ok(rows);
    };
    if list.equal.len() + after.len() != order.positions.len() {
        return Err(Error::misuse(format!(
            "`{}`: after must name all remaining columns",
            table.definition.name
        )));
    }
    order.admit(after, list.equal.len(), "after")?;
    let snapshot = connection.unchecked_transaction()?;
    for depth in (0..after.len()).rev() {
        let equal = [&list.equal, &after[..depth]].concat();
        order.fetch(
            &snapshot,
            shared,
            &equal,
            Some(&after[depth]),
            list.limit,
            &mut rows,
        )?;
    }
    snapshot.commit()?;
    Ok(rows)
}

/// An index as the sequence of columns by which it sorts; the key makes it unique.
struct Order<'a> {
    table: &'a Table,
    index: Option<&'a Index>,
    columns: Vec<String>,
    positions: Vec<usize>,
}

impl<'a> Order<'a> {
    fn of(table: &'a Table, name: &str) -> Result<Self> {
        let definition = &table.definition;
        let index = definition.indexes.iter().find(|index| index.name == name);
        if index.is_none() && !name.is_empty() {
            return Err(Error::misuse(format!(
                "`{}` has no index `{name}`",
                definition.name
            )));
        }
        let mut columns = index.map(|index| index.columns.clone()).unwrap_or_default();
        let key = definition
            .key
            .iter()
            .filter(|key| !columns.contains(key))
            .cloned()
            .collect::<Vec<_>>();
        columns.extend(key);
        let positions = columns
            .iter()
            .filter_map(|column| definition.position(column))
            .collect();
        Ok(Self {
            table,
            index,
            columns,
            positions,
        })
    }

    /// Refuses values that the columns from the one at `from` on do not admit.
    fn admit(&self, values: &[Value], from: usize, what: &str) -> Result<()> {
        let positions = self.positions.iter().skip(from).take(values.len()).copied();
        self.table.admit(values, positions, what)
    }

    fn range(&self, equal: usize, beyond: Option<Bound>) -> Range<'_> {
        let index = self.index.map(|index| index.name.as_str());
        Range {
            table: &self.table.definition,
            index,
            order: &self.columns,
            equal,
            beyond,
        }
    }

    /// Null sorts first, so what lies after it is everything from the least value of the column on: said like this
    /// because `SQLite` searches an index for that, but not for IS NOT NULL.
    fn bound(&self, column: usize, after: &Value) -> (Bound, Value) {
        match after {
            Value::Null => (
                Bound::From,
                self.table.definition.columns[self.positions[column]]
                    .kind
                    .least(),
            ),
            value => (Bound::After, value.clone()),
        }
    }

    /// Appends the rows that are `equal` in the leading columns and after a value in the next, until there are `limit`.
    fn fetch(
        &self,
        connection: &Connection,
        shared: &Shared,
        equal: &[Value],
        after: Option<&Value>,
        limit: usize,
        rows: &mut Vec<Row>,
    ) -> Result<()> {
        let (bound, least) = after.map(|value| self.bound(equal.len(), value)).unzip();
        let mut statement = connection.prepare_cached(&self.range(equal.len(), bound).select())?;
        let left = i64::try_from(limit - rows.len()).unwrap_or(i64::MAX).into();
        let parameters = equal.iter().chain(&least).chain([&left]);
        let mut found = statement.query(params_from_iter(parameters))?;
        let mut last = None;
        while let Some(row) = found.next()? {
            let row = self.table.open(&shared.macs, row)?.row;
            let place: Vec<_> = self
                .positions
                .iter()
                .map(|position| row.values[*position].clone())
                .collect();
            // The row is proved, but the index that led to it is not: it must not lie about equality and order.
            let beyond = after.is_none_or(|value| place[equal.len()] > *value);
            if !place.starts_with(equal) || !beyond || last.is_some_and(|last| last >= place) {
                let name = &self.table.definition.name;
                return Err(Error::damaged(format!(
                    "an index of `{name}` leads to other rows"
                )));
            }
            last = Some(place);
            rows.push(shared.uncover(self.table, row)?);
        }
        Ok(())
    }
}
