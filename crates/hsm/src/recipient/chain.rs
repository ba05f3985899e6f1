//! From a document's certificate up to a root that the device was told to believe (RFC 5280).

use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    anchor_from_trusted_cert,
};

use super::document::Signed;

/// Whether every certificate on the way is valid at `now`, in milliseconds since 1970.
pub fn leads_to_root(signed: &Signed, roots: &[&[u8]], now: u64) -> bool {
    let roots: Vec<_> = roots
        .iter()
        .map(|root| CertificateDer::from(*root))
        .collect();
    let anchors: Vec<_> = roots
        .iter()
        .filter_map(|root| anchor_from_trusted_cert(root).ok())
        .collect();
    let intermediates: Vec<_> = signed
        .intermediates
        .iter()
        .map(|certificate| CertificateDer::from(&certificate[..]))
        .collect();
    let certificate = CertificateDer::from(&signed.certificate[..]);
    let Ok(leaf) = EndEntityCert::try_from(&certificate) else {
        return false;
    };
    let time = UnixTime::since_unix_epoch(Duration::from_millis(now));
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &anchors,
        &intermediates,
        time,
        Attesting,
        None,
        None,
    )
    .is_ok()
}

/// The `SubjectPublicKeyInfo` in a certificate.
pub fn key_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let certificate = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&certificate).ok()?;
    Some(certificate.subject_public_key_info().to_vec())
}

/// No extended usage is defined for attesting; what vouches for the purpose is the root.
struct Attesting;

impl ExtendedKeyUsageValidator for Attesting {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}
