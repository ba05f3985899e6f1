//! SM2: the examples of GM/T 0003.5, which are those of GB/T 32918.5.

use super::{Fixed, hex};
use crate::{
    entropy::SystemEntropy,
    family::Family,
    scheme::{Form, Message, Sealing, Signing},
    sm2::Sm2,
};

const PRIVATE: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
const PUBLIC: &str = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
                      ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
/// The random number of both examples.
const CHANCE: &str = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21";

#[test]
fn the_standards_signature_is_right() {
    let key = Sm2.open(&hex(PRIVATE)).unwrap().unwrap();
    assert!(key.public().unwrap().ends_with(&hex(PUBLIC)));
    let (r, s) = (
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3",
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
    );
    // Both numbers have their highest bit set, so DER puts a zero in front.
    let signature = [&hex("3046022100")[..], &hex(r), &hex("022100"), &hex(s)].concat();
    // SM3 of the identity's hash and the message.
    let digest = hex("f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640");
    for (form, bytes) in [(Form::Raw, &b"message digest"[..]), (Form::Digest, &digest)] {
        let message = Message { form, bytes };
        assert_eq!(key.verify(Signing::Sm2, &message, &signature), Ok(true));
        let mut own = [0; 80];
        let length = key
            .sign(Signing::Sm2, &message, &SystemEntropy, &mut own)
            .unwrap();
        assert_eq!(key.verify(Signing::Sm2, &message, &own[..length]), Ok(true));
        for bit in 0..8 * length {
            own[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                key.verify(Signing::Sm2, &message, &own[..length]),
                Ok(false)
            );
            own[bit / 8] ^= 1 << (bit % 8);
        }
    }
    println!("SM2 signatures: 1 vector of GM/T 0003.5, raw and as a digest");
}

#[test]
fn the_standards_ciphertext_is_made_and_opened() {
    let key = Sm2.open(&hex(PRIVATE)).unwrap().unwrap();
    // GM/T 0009, 7.2: x and y of C1, then C3, then C2.
    let ciphertext = [
        &hex("307c0220")[..],
        &hex("04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"),
        &hex("022100"),
        &hex("e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"),
        &hex("0420"),
        &hex("59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"),
        &hex("0413"),
        &hex("21886ca989ca9c7d58087307ca93092d651efa"),
    ]
    .concat();
    let plaintext = key.decrypt(Sealing::Sm2, &ciphertext).unwrap();
    assert_eq!(&plaintext[..], b"encryption standard");
    let made = key.encrypt(Sealing::Sm2, b"encryption standard", &Fixed(&hex(CHANCE)));
    assert_eq!(made.unwrap(), ciphertext);
    for bit in 0..8 * ciphertext.len() {
        let mut changed = ciphertext.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(key.decrypt(Sealing::Sm2, &changed).is_err(), "bit {bit}");
    }
    println!("SM2 encryption: 1 vector of GM/T 0003.5, both ways");
}
