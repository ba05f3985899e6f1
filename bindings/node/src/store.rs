//! The store as JavaScript sees it: every verb is a promise, answered by a thread of the store.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use ::store::{Code, Error, Key, List, Options, Reply, Value};
use napi::{
    Env, JsValue, Status,
    bindgen_prelude::{
        BufferSlice, Either4, FnArgs, JsObjectValue, Null, Object, ToNapiValue, Uint8Array,
        Utf16String,
    },
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;

use crate::hsm::Hsm;

/// A value on its way in. Texts come as UTF-16, since half a character would be replaced on the way to UTF-8.
type In = Either4<Utf16String, f64, Uint8Array, Null>;
/// A value on its way out; bytes are copied, because many small external buffers make collections slow.
type Out = Either4<String, f64, BufferSlice<'static>, Null>;
/// Called with the code and the message of the damage; it does not keep the process alive.
type OnDamage =
    ThreadsafeFunction<FnArgs<(String, String)>, (), FnArgs<(String, String)>, Status, false, true>;

/// The last whole number that JavaScript can tell from its neighbours.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// How a store is served.
#[napi(object, object_to_js = false)]
pub struct StoreOptions {
    /// How long opening waits for the full check, which goes on in the background after that: 500 unless said otherwise.
    pub check_millis: Option<u32>,
    /// How many pages of 4 KiB the database may have: a full disk, on cue.
    pub page_limit: Option<u32>,
    /// How much memory the page caches of the reading and of the writing connection take, each: 16,384 unless said
    /// otherwise.
    pub cache_kib: Option<u32>,
    /// Called once when damage is found in a store that is served; from then on every call is refused with that code.
    #[napi(ts_type = "(code: string, message: string) => void")]
    pub on_damage: Option<OnDamage>,
}

/// One row put, or deleted when `values` is absent.
#[napi(object, object_to_js = false)]
pub struct Change {
    pub table: String,
    /// The whole new row, one value a column in the order of the schema.
    #[napi(ts_type = "ReadonlyArray<string | number | Uint8Array | null>")]
    pub values: Option<Vec<In>>,
    /// The primary key of the row.
    #[napi(ts_type = "ReadonlyArray<string | number | Uint8Array | null>")]
    pub key: Vec<In>,
    /// The version the writer saw; 0 when there must be no such row.
    pub expect: f64,
}

/// A row, proved.
#[napi(object, object_from_js = false)]
pub struct Row {
    /// One value a column, in the order of the schema.
    #[napi(ts_type = "Array<string | number | Uint8Array | null>")]
    pub values: Vec<Out>,
    /// Counts the changes of this row, from 1.
    pub version: f64,
}

/// What a full check proved.
#[napi(object, object_from_js = false)]
pub struct Verified {
    pub rows: f64,
    pub revision: f64,
}

/// A durable store of rows. Errors carry a `code`: `Conflict`, `StoreLocked`, `StoreFull`, `StoreDamaged`,
/// `StoreRolledBack`, `AnchorDamaged`, `StoreVersion`, `StoreIo`, `StoreClosed`; `StoreMisuse` when the caller broke the
/// schema.
#[napi]
pub struct Store(Arc<::store::Store>);

#[napi]
impl Store {
    /// Opens the store at `path`, or makes one; `:memory:` lives as long as it is open. The schema is JSON.
    #[napi(ts_return_type = "Promise<Store>")]
    pub fn open<'env>(
        env: &'env Env,
        path: String,
        schema_json: String,
        hsm: &Hsm,
        options: Option<StoreOptions>,
    ) -> napi::Result<Object<'env>> {
        let mut settings = Options::default();
        let mut on_damage = None;
        if let Some(options) = options {
            if let Some(millis) = options.check_millis {
                settings.check = Duration::from_millis(millis.into());
            }
            settings.pages = options.page_limit;
            settings.cache_kib = options.cache_kib.unwrap_or(settings.cache_kib);
            on_damage = options.on_damage;
        }
        let open = move |key| {
            let store = ::store::Store::open(&PathBuf::from(path), &schema_json, &key, &settings)?;
            if let Some(on_damage) = on_damage {
                store.on_damage(move |error| {
                    let words = (error.code.as_str().to_owned(), error.message.clone());
                    on_damage.call(words.into(), ThreadsafeFunctionCallMode::NonBlocking);
                });
            }
            Ok(store)
        };
        promise(
            env,
            key_of(hsm),
            |key, reply| aside(reply, || open(key)),
            |_, store| Ok(Self(Arc::new(store))),
        )
    }

    /// The row of `table` under `key`.
    #[napi(ts_return_type = "Promise<Row | null>")]
    pub fn get<'env>(
        &self,
        env: &'env Env,
        table: String,
        #[napi(ts_arg_type = "ReadonlyArray<string | number | Uint8Array | null>")] key: Vec<In>,
    ) -> napi::Result<Object<'env>> {
        let convert =
            |env: &Env, found: Option<::store::Row>| found.map(|found| row(env, found)).transpose();
        promise(
            env,
            values(key),
            |key, reply| self.0.get(table, key, reply),
            convert,
        )
    }

    /// Rows in the order of `index` (the primary key when ''), equal in its leading columns, strictly after `after` in
    /// all remaining columns of the index and then those of the primary key it lacks.
    #[napi(ts_return_type = "Promise<Array<Row>>")]
    pub fn list<'env>(
        &self,
        env: &'env Env,
        table: String,
        index: String,
        #[napi(ts_arg_type = "ReadonlyArray<string | number | Uint8Array | null>")] equal: Vec<In>,
        #[napi(ts_arg_type = "ReadonlyArray<string | number | Uint8Array | null> | null")]
        after: Option<Vec<In>>,
        limit: u32,
    ) -> napi::Result<Object<'env>> {
        let list = values(equal).and_then(|equal| {
            let after = after.map(values).transpose()?;
            Ok(List {
                table,
                index,
                equal,
                after,
                limit: limit as usize,
            })
        });
        let convert = |env: &Env, rows: Vec<::store::Row>| {
            rows.into_iter()
                .map(|found| row(env, found))
                .collect::<napi::Result<Vec<_>>>()
        };
        promise(env, list, |list, reply| self.0.list(list, reply), convert)
    }

    /// How many rows are equal in the leading columns of `index`.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn count<'env>(
        &self,
        env: &'env Env,
        table: String,
        index: String,
        #[napi(ts_arg_type = "ReadonlyArray<string | number | Uint8Array | null>")] equal: Vec<In>,
    ) -> napi::Result<Object<'env>> {
        let list = values(equal).map(|equal| List {
            table,
            index,
            equal,
            ..List::default()
        });
        promise(env, list, |list, reply| self.0.count(list, reply), number)
    }

    /// Makes all changes or none; resolves when they are durable, with the revision of the store.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn commit<'env>(&self, env: &'env Env, changes: Vec<Change>) -> napi::Result<Object<'env>> {
        let changes = changes
            .into_iter()
            .map(change)
            .collect::<Result<Vec<_>, _>>();
        promise(
            env,
            changes,
            |changes, reply| self.0.commit(changes, reply),
            number,
        )
    }

    /// Leaves nothing in the store's files of what was deleted: as soon as nobody reads the past any more.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn scrub<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        promise(env, Ok(()), |(), reply| self.0.scrub(reply), |_, ()| Ok(()))
    }

    /// The number of the last durable commit.
    #[napi]
    pub fn revision(&self) -> f64 {
        float(self.0.revision())
    }

    /// How many transactions were made durable since the store was opened: commits that wait together share one.
    #[napi]
    pub fn batches(&self) -> f64 {
        float(self.0.batches().cast_signed())
    }

    /// Whether the full check has come to a good end.
    #[napi]
    pub fn is_checked(&self) -> bool {
        self.0.is_checked()
    }

    /// Resolves when everything asked before is done and the store can be opened again.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        promise(env, Ok(()), |(), reply| self.0.close(reply), |_, ()| Ok(()))
    }

    /// Checks all of a store without serving it.
    #[napi(ts_return_type = "Promise<Verified>")]
    pub fn verify<'env>(
        env: &'env Env,
        path: String,
        schema_json: String,
        hsm: &Hsm,
    ) -> napi::Result<Object<'env>> {
        let verify = move |key| ::store::verify(&PathBuf::from(path), &schema_json, &key);
        let convert = |_: &Env, found: ::store::Verified| {
            Ok(Verified {
                rows: float(found.rows),
                revision: float(found.revision),
            })
        };
        promise(
            env,
            key_of(hsm),
            |key, reply| aside(reply, || verify(key)),
            convert,
        )
    }
}

/// A promise of what `ask` brings about with `input`; a bad input rejects it like any other failure.
fn promise<I, T: Send + 'static, J: ToNapiValue + 'static>(
    env: &Env,
    input: Result<I, Error>,
    ask: impl FnOnce(I, Reply<T>),
    convert: impl FnOnce(&Env, T) -> napi::Result<J> + Send + 'static,
) -> napi::Result<Object<'_>> {
    let (deferred, promise) = env.create_deferred()?;
    let answer = move |result: Result<T, Error>| {
        deferred.resolve(move |env| match result {
            Ok(value) => convert(&env, value),
            Err(error) => Err(thrown(&env, &error)),
        });
    };
    match input {
        Ok(input) => ask(input, Reply::new(answer)),
        Err(error) => answer(Err(error)),
    }
    Ok(promise)
}

/// Does what takes long on a thread of its own.
fn aside<T: Send + 'static>(
    reply: Reply<T>,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) {
    thread::spawn(move || reply.send(work()));
}

/// The JavaScript error, with the code of ours.
fn thrown(env: &Env, error: &Error) -> napi::Error {
    let object = env
        .create_error(napi::Error::from_reason(error.message.clone()))
        .and_then(|mut object| {
            object.set_named_property("code", error.code.as_str())?;
            Ok(napi::Error::from(object.to_unknown()))
        });
    object.unwrap_or_else(|failure| failure)
}

fn key_of(hsm: &Hsm) -> Result<Key, Error> {
    let key = hsm.device.mac_key("store");
    key.map(|key| Key(*key))
        .map_err(|error| Error::new(Code::Closed, error.to_string()))
}

fn change(change: Change) -> Result<::store::Change, Error> {
    Ok(::store::Change {
        table: change.table,
        key: values(change.key)?,
        values: change.values.map(values).transpose()?,
        expect: integer(change.expect)?,
    })
}

fn values(values: Vec<In>) -> Result<Vec<Value>, Error> {
    let convert = |value: In| {
        Ok(match value {
            Either4::A(text) => Value::Text(
                String::from_utf16(&text).map_err(|_| misuse("a text with half a character"))?,
            ),
            Either4::B(number) => Value::Integer(integer(number)?),
            Either4::C(bytes) => Value::Blob(bytes.to_vec()),
            Either4::D(Null) => Value::Null,
        })
    };
    values.into_iter().map(convert).collect()
}

fn misuse(message: &str) -> Error {
    Error::new(Code::Misuse, message)
}

fn row(env: &Env, row: ::store::Row) -> napi::Result<Row> {
    let convert = |value: Value| {
        Ok(match value {
            Value::Text(text) => Either4::A(text),
            Value::Integer(number) => Either4::B(float(number)),
            Value::Blob(bytes) => Either4::C(BufferSlice::copy_from(env, bytes)?),
            Value::Null => Either4::D(Null),
        })
    };
    Ok(Row {
        values: row
            .values
            .into_iter()
            .map(convert)
            .collect::<napi::Result<_>>()?,
        version: float(row.version),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn integer(number: f64) -> Result<i64, Error> {
    if number.fract() == 0.0 && number.abs() <= SAFE {
        return Ok(number as i64);
    }
    Err(misuse("a number that is not a safe integer"))
}

#[expect(clippy::cast_precision_loss, reason = "only safe integers were let in")]
fn float(number: i64) -> f64 {
    number as f64
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands beside conversions that can fail"
)]
fn number(_: &Env, number: i64) -> napi::Result<f64> {
    Ok(float(number))
}
