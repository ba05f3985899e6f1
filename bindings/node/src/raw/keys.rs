//! The verbs of key pairs and MAC keys, for as long as they take no longer than a task would.

use ::hsm::{Form, Hsm, Message, Signing};

use super::call::{Answer, Call, Refusal};

pub fn sign(call: &Call<6>) -> Answer {
    let (bytes, out) = call.apart(call.bytes(3)?, call.out(4, 5)?)?;
    let message = message(call, bytes)?;
    Ok(call.hsm.sign(call.slot(0)?, scheme(call)?, &message, out)?)
}

pub fn verify(call: &Call<5>) -> Answer {
    let (bytes, signature) = call.both(3, 4)?;
    let message = message(call, bytes)?;
    let right = call
        .hsm
        .verify(call.slot(0)?, scheme(call)?, &message, signature)?;
    Ok(right.into())
}

pub fn mac(call: &Call<4>) -> Answer {
    let (message, out) = call.apart(call.bytes(1)?, call.out(2, 3)?)?;
    Ok(call.hsm.mac(call.slot(0)?, message, out)?)
}

pub fn mac_verify(call: &Call<3>) -> Answer {
    let (message, mac) = call.both(1, 2)?;
    let right = call.hsm.verify_mac(call.slot(0)?, message, mac)?;
    Ok(right.into())
}

pub fn agree(call: &Call<4>) -> Answer {
    exchange(call, Hsm::agree)
}

pub fn decapsulate(call: &Call<4>) -> Answer {
    exchange(call, Hsm::decapsulate)
}

/// A slot and what came from the other side make a secret.
fn exchange(
    call: &Call<4>,
    act: fn(&Hsm, ::hsm::Slot, &[u8], &mut [u8]) -> ::hsm::Result<usize>,
) -> Answer {
    let (input, out) = call.apart(call.bytes(1)?, call.out(2, 3)?)?;
    Ok(act(call.hsm, call.slot(0)?, input, out)?)
}

pub fn encapsulate(call: &Call<5>) -> Answer {
    let (secret, ciphertext) = call.apart_mut(call.out(1, 2)?, call.out(3, 4)?)?;
    Ok(call.hsm.encapsulate(call.slot(0)?, secret, ciphertext)?)
}

fn scheme<const ARGUMENTS: usize>(call: &Call<ARGUMENTS>) -> Result<Signing, Refusal> {
    Ok(Signing::numbered(call.code(1)?)?)
}

fn message<'b, const ARGUMENTS: usize>(
    call: &Call<ARGUMENTS>,
    bytes: &'b [u8],
) -> Result<Message<'b>, Refusal> {
    let form = Form::numbered(call.code(2)?)?;
    Ok(Message { form, bytes })
}
