//! SM2: signatures (GB/T 32918.2) under the usual identity, encryption (GB/T 32918.4) as GM/T 0009 writes it, and bare
//! Diffie–Hellman. A secret is the private scalar.
//!
//! AWS-LC has none of it, so this is the `sm2` crate. Its scalars live on the stack for one call and are not wiped there by
//! the crate itself; what a slot keeps between calls is.

use std::sync::Arc;

use sm2::{
    AffinePoint, NonZeroScalar, ProjectivePoint, PublicKey, SecretKey,
    dsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{
            RandomizedSigner, Verifier,
            hazmat::{PrehashVerifier, RandomizedPrehashSigner},
        },
    },
    elliptic_curve::{
        point::AffineCoordinates,
        rand_core::{TryCryptoRng, TryRng},
    },
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey},
    pke::{DecryptingKey, EncryptingKey},
};

use crate::{
    entropy::Entropy,
    error::{Error, Kind, Result},
    family::{Family, GoOn, Opened},
    scheme::{Form, Message, Sealing, Signing},
    secret::SecretBuffer,
    sys,
};

/// The one curve there is.
#[derive(Debug)]
pub struct Sm2;

/// The identity that signers have who were given none: GM/T 0009, 10.
const IDENTITY: &str = "1234567812345678";
const COORDINATE: usize = 32;
/// SM3's digest.
const DIGEST: usize = 32;
const MOST_TRIES: usize = 128;

impl Family for Sm2 {
    /// Random numbers until one is a scalar, other than the largest, which has no signatures: GB/T 32918.1, 6.1.
    fn generate(&self, entropy: &dyn Entropy, _: GoOn, out: &mut [u8]) -> Result<()> {
        for _ in 0..MOST_TRIES {
            entropy.fill(out)?;
            if scalar(out)
                .is_ok_and(|scalar| (*scalar + sm2::Scalar::ONE).is_zero().unwrap_u8() == 0)
            {
                return Ok(());
            }
        }
        Err(Kind::Unavailable.into())
    }

    fn parse(&self, material: &[u8], out: &mut [u8]) -> Result<()> {
        let key = SecretKey::from_pkcs8_der(material).map_err(|_| Kind::InvalidMaterial)?;
        let mut scalar = key.to_bytes();
        out.copy_from_slice(&scalar);
        sys::wipe(&mut scalar);
        Ok(())
    }

    fn open(&self, secret: &[u8]) -> Result<Option<Arc<dyn Opened>>> {
        let public = PublicKey::from_secret_scalar(&scalar(secret)?);
        let verifier = VerifyingKey::new(IDENTITY, public).map_err(|_| Kind::Unavailable)?;
        Ok(Some(Arc::new(Pair {
            secret: SecretBuffer::kept(secret)?,
            public,
            verifier,
        })))
    }
}

fn scalar(secret: &[u8]) -> Result<NonZeroScalar> {
    NonZeroScalar::try_from(secret).map_err(|_| Kind::InvalidMaterial.into())
}

#[derive(Debug)]
struct Pair {
    secret: SecretBuffer,
    public: PublicKey,
    verifier: VerifyingKey,
}

/// Whether the message is a digest already: of the identity, the public key and the message.
fn is_digest(scheme: Signing, message: &Message) -> Result<bool> {
    match (scheme, message.form) {
        (Signing::Sm2, Form::Raw) => Ok(false),
        (Signing::Sm2, Form::Digest) if message.bytes.len() == DIGEST => Ok(true),
        (Signing::Sm2, Form::Digest) => Err(Kind::InvalidLength.into()),
        (Signing::Sm2, Form::ExternalMu) => Err(Kind::UnknownScheme.into()),
        _ => Err(Kind::UsageNotPermitted.into()),
    }
}

impl Opened for Pair {
    fn public(&self) -> Result<Vec<u8>> {
        let der = self.public.to_public_key_der();
        der.map(|der| der.as_bytes().to_vec())
            .map_err(|_| Kind::Unavailable.into())
    }

    fn private(&self) -> Result<SecretBuffer> {
        let key = SecretKey::from(scalar(&self.secret)?);
        let der = key.to_pkcs8_der().map_err(|_| Kind::Unavailable)?;
        let mut out = SecretBuffer::zero(der.as_bytes().len());
        out.copy_from_slice(der.as_bytes());
        Ok(out)
    }

    fn sign(
        &self,
        scheme: Signing,
        message: &Message,
        entropy: &dyn Entropy,
        out: &mut [u8],
    ) -> Result<usize> {
        let is_digest = is_digest(scheme, message)?;
        let key = SigningKey::from_nonzero_scalar(IDENTITY, scalar(&self.secret)?);
        let key = key.map_err(|_| Kind::Unavailable)?;
        let mut chance = Chance(entropy);
        let signature: Signature = if is_digest {
            key.sign_prehash_with_rng(&mut chance, message.bytes)
        } else {
            key.try_sign_with_rng(&mut chance, message.bytes)
        }
        .map_err(|_| Kind::Unavailable)?;
        let der = signature.to_der();
        let out = out.get_mut(..der.len()).ok_or(Kind::BufferTooSmall)?;
        out.copy_from_slice(der.as_bytes());
        Ok(out.len())
    }

    fn verify(&self, scheme: Signing, message: &Message, signature: &[u8]) -> Result<bool> {
        let is_digest = is_digest(scheme, message)?;
        let Ok(signature) = Signature::from_der(signature) else {
            return Ok(false);
        };
        let verified = if is_digest {
            self.verifier.verify_prehash(message.bytes, &signature)
        } else {
            self.verifier.verify(message.bytes, &signature)
        };
        Ok(verified.is_ok())
    }

    fn encrypt(&self, scheme: Sealing, plaintext: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
        if scheme != Sealing::Sm2 {
            return Err(Kind::UsageNotPermitted.into());
        }
        // Only an empty plaintext is refused.
        EncryptingKey::new(self.public)
            .encrypt_der(&mut Chance(entropy), plaintext)
            .map_err(|_| Kind::InvalidLength.into())
    }

    fn decrypt(&self, scheme: Sealing, ciphertext: &[u8]) -> Result<SecretBuffer> {
        if scheme != Sealing::Sm2 {
            return Err(Kind::UsageNotPermitted.into());
        }
        let key = DecryptingKey::from_nonzero_scalar(scalar(&self.secret)?);
        let opened = key.and_then(|key| key.decrypt_der(ciphertext));
        let mut plaintext = opened.map_err(|_| Kind::DecryptionFailed)?;
        let mut out = SecretBuffer::zero(plaintext.len());
        out.copy_from_slice(&plaintext);
        sys::wipe(&mut plaintext);
        Ok(out)
    }

    /// The x-coordinate as it is; the cofactor is one, and a public key is never the point at infinity.
    fn agree(&self, peer: &[u8], out: &mut [u8]) -> Result<usize> {
        let peer = PublicKey::from_public_key_der(peer).map_err(|_| Kind::InvalidPublicKey)?;
        let out = out.get_mut(..COORDINATE).ok_or(Kind::BufferTooSmall)?;
        let point = ProjectivePoint::from(*peer.as_affine()) * *scalar(&self.secret)?;
        let point: AffinePoint = point.to_affine();
        let mut secret = point.x();
        out.copy_from_slice(&secret);
        sys::wipe(&mut secret);
        Ok(COORDINATE)
    }
}

/// The device's entropy as the crate asks for it.
struct Chance<'a>(&'a dyn Entropy);

impl TryRng for Chance<'_> {
    type Error = Error;

    fn try_next_u32(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<()> {
        self.0.fill(out)
    }
}

impl TryCryptoRng for Chance<'_> {}
