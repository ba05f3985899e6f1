//! The attestation document: a `COSE_Sign1` message (RFC 9052) whose payload is a CBOR map.
//!
//! Its bounds are those that the platform's own guide to verifying the root of trust gives for the syntactical check.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use ciborium::Value;
use coset::{Algorithm, CborSerializable, CoseSign1, TaggedCborSerializable, iana};

use super::chain;

/// What a recipient says of itself, believed.
#[derive(Debug)]
pub struct Attestation {
    /// The module that issued the document.
    pub module: String,
    /// When it did so, in milliseconds since 1970.
    pub timestamp: u64,
    /// What kind of machine the recipient runs on.
    pub platform: Platform,
    /// The platform's configuration registers by their numbers.
    pub registers: BTreeMap<u8, Vec<u8>>,
    /// The recipient's RSA key as `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
    /// What the recipient had signed along.
    pub user_data: Option<Vec<u8>>,
    /// What somebody asked it to have signed along.
    pub nonce: Option<Vec<u8>>,
}

/// Who keeps the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// An enclave's hypervisor.
    Enclave,
    /// A machine's TPM.
    Tpm,
}

/// A document that is well formed; whether it is genuine, its signature and certificates tell.
pub struct Signed {
    pub attestation: Attestation,
    pub certificate: Vec<u8>,
    pub intermediates: Vec<Vec<u8>>,
    message: CoseSign1,
}

const SIGNATURE: usize = 96;
const MOST_REGISTERS: usize = 32;
const MOST_BYTES: usize = 1024;
const DEEPEST: usize = 4;

/// Takes a document apart.
pub fn open(document: &[u8]) -> Option<Signed> {
    let message = CoseSign1::from_slice(document)
        .or_else(|_| CoseSign1::from_tagged_slice(document))
        .ok()?;
    let es384 = Algorithm::Assigned(iana::Algorithm::ES384);
    if message.protected.header.alg.as_ref() != Some(&es384) || message.signature.len() != SIGNATURE
    {
        return None;
    }
    let mut fields = Fields::read(message.payload.as_deref()?)?;
    let (platform, registers) = match (fields.take("pcrs"), fields.take("nitrotpm_pcrs")) {
        (Some(registers), None) => (Platform::Enclave, registers),
        (None, Some(registers)) => (Platform::Tpm, registers),
        _ => return None,
    };
    if fields.take("digest")?.as_text()? != "SHA384" {
        return None;
    }
    Some(Signed {
        attestation: Attestation {
            module: text(fields.take("module_id")?)?,
            timestamp: fields
                .take("timestamp")?
                .into_integer()
                .ok()?
                .try_into()
                .ok()?,
            platform,
            registers: read_registers(registers)?,
            public_key: bytes(fields.take("public_key")?)?,
            user_data: fields.optional("user_data")?,
            nonce: fields.optional("nonce")?,
        },
        certificate: bytes(fields.take("certificate")?)?,
        intermediates: bundle(fields.take("cabundle")?)?,
        message,
    })
}

impl Signed {
    /// Whether the holder of the document's certificate signed it.
    pub fn is_signed(&self) -> bool {
        let Some(key) = chain::key_of(&self.certificate) else {
            return false;
        };
        let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key);
        self.message
            .verify_signature(&[], |signature, message| key.verify(message, signature))
            .is_ok()
    }
}

/// A map's members by name; each can be taken once.
struct Fields(BTreeMap<String, Value>);

impl Fields {
    fn read(mut payload: &[u8]) -> Option<Self> {
        let map = ciborium::de::from_reader_with_recursion_limit(&mut payload, DEEPEST).ok();
        let Some(Value::Map(members)) = map else {
            return None;
        };
        let mut fields = BTreeMap::new();
        for (name, value) in members {
            if fields.insert(name.into_text().ok()?, value).is_some() {
                return None;
            }
        }
        payload.is_empty().then_some(Self(fields))
    }

    /// A member that is neither absent nor null.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A byte string that may be absent; `None` when it is something else.
    #[expect(clippy::option_option, reason = "absent and malformed are two things")]
    fn optional(&mut self, name: &str) -> Option<Option<Vec<u8>>> {
        match self.take(name) {
            None => Some(None),
            Some(value) => {
                let bytes = value.into_bytes().ok()?;
                (bytes.len() <= MOST_BYTES).then_some(Some(bytes))
            }
        }
    }
}

fn text(value: Value) -> Option<String> {
    value.into_text().ok().filter(|text| !text.is_empty())
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    let bytes = value.into_bytes().ok()?;
    (1..=MOST_BYTES).contains(&bytes.len()).then_some(bytes)
}

fn bundle(value: Value) -> Option<Vec<Vec<u8>>> {
    let certificates = value.into_array().ok()?;
    if certificates.is_empty() {
        return None;
    }
    certificates.into_iter().map(bytes).collect()
}

fn read_registers(value: Value) -> Option<BTreeMap<u8, Vec<u8>>> {
    let members = value.into_map().ok()?;
    let mut registers = BTreeMap::new();
    for (index, value) in members {
        let index = u8::try_from(index.into_integer().ok()?).ok()?;
        let value = value.into_bytes().ok()?;
        let fits = usize::from(index) < MOST_REGISTERS && matches!(value.len(), 32 | 48 | 64);
        if !fits || registers.insert(index, value).is_some() {
            return None;
        }
    }
    (!registers.is_empty()).then_some(registers)
}
