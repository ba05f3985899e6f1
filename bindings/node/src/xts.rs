//! The cipher of a volume as JavaScript sees it: sectors of 4096 bytes, encrypted and decrypted where they lie.

use ::disk::Error;
use ::hsm::{Kind, Result};
use napi::{Env, bindgen_prelude::BufferSlice};
use napi_derive::napi;

use crate::errors::Thrown;

/// The last whole number that JavaScript can tell from its neighbours.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// AES-256-XTS under one volume's key, which stays here, in the pages that the device keeps private keys in. Errors carry a `code`: `InvalidMaterial` for a key whose halves are
/// equal, `InvalidLength` for a key of another length, for part of a sector and for a number that none has, `DeviceClosed`
/// after `close()`, `Unavailable`.
#[napi]
pub struct Xts(Option<::disk::Xts>);

#[napi]
impl Xts {
    /// Takes a key of 64 bytes over: it is wiped, whatever comes of it.
    #[napi(factory)]
    pub fn open(
        env: &Env,
        #[napi(ts_arg_type = "Uint8Array")] mut key: BufferSlice,
    ) -> napi::Result<Self> {
        let made = match <&mut [u8; ::disk::KEY]>::try_from(&mut key[..]) {
            Ok(key) => ::hsm::protected(|| ::disk::Xts::new(key)).map_err(kind),
            Err(_) => Err(Kind::InvalidLength),
        };
        key.fill(0);
        made.map(|xts| Self(Some(xts)))
            .map_err(::hsm::Error::from)
            .thrown(env)
    }

    /// Encrypts whole sectors in place, the first of which is number `first` of the volume.
    #[napi]
    pub fn encrypt(
        &mut self,
        env: &Env,
        first: f64,
        #[napi(ts_arg_type = "Uint8Array")] mut sectors: BufferSlice,
    ) -> napi::Result<()> {
        self.each(first, |xts, first| xts.encrypt(first, &mut sectors))
            .thrown(env)
    }

    /// Decrypts whole sectors in place. Under the wrong key they become noise, and nothing tells.
    #[napi]
    pub fn decrypt(
        &mut self,
        env: &Env,
        first: f64,
        #[napi(ts_arg_type = "Uint8Array")] mut sectors: BufferSlice,
    ) -> napi::Result<()> {
        self.each(first, |xts, first| xts.decrypt(first, &mut sectors))
            .thrown(env)
    }

    /// Wipes the key. Closing twice is closing once.
    #[napi]
    pub fn close(&mut self) {
        self.0 = None;
    }

    fn each(
        &mut self,
        first: f64,
        act: impl FnOnce(&mut ::disk::Xts, u64) -> std::result::Result<(), Error>,
    ) -> Result<()> {
        let xts = self.0.as_mut().ok_or(Kind::DeviceClosed)?;
        act(xts, number(first)?).map_err(|error| kind(error).into())
    }
}

fn kind(error: Error) -> Kind {
    match error {
        Error::WeakKey => Kind::InvalidMaterial,
        Error::Sectors => Kind::InvalidLength,
        Error::Unavailable => Kind::Unavailable,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn number(first: f64) -> Result<u64> {
    if first.fract() == 0.0 && (0.0..=SAFE).contains(&first) {
        return Ok(first as u64);
    }
    Err(Kind::InvalidLength.into())
}
