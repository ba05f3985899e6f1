/** What is known to be wrong with the results of the tokens that we test with, as sentences, and the checks that find it. */
const OAEP = [
  'rsa-oaep.wycheproof.sha224.valid',
  'rsa-oaep.wycheproof.sha256-mgf1-sha1.valid',
  'rsa-oaep.wycheproof.sha256.valid',
  'rsa-oaep.wycheproof.sha384.valid',
  'rsa-oaep.wycheproof.sha512-mgf1-sha1.valid',
  'rsa-oaep.wycheproof.sha512.valid',
]
const each = (ids: readonly string[], ends: readonly string[]): string[] =>
  ids.flatMap((id) => ends.map((end) => `${id}${end}`))

const CONSTRUCTED = OAEP.filter((id) => !id.includes('mgf1'))
const KRYOPTIC_CIPHERS = ['ecb', 'cbc', 'cbc-pad', 'ctr', 'gcm', 'ofb', 'cfb8', 'cfb128', 'cts'].map(
  (mode) => `aes-${mode}`,
)

const known = {
  'SoftHSM2 2.6.1': {
    'a key whose length is no multiple of eight comes back padded, as another key': [
      ...[1, 7, 9, 12, 15, 17, 20, 31, 33, 100].map((length) => `aes-key-wrap-pad.round-trip.${length}`),
    ],
    'RFC 5649 is at the number of something else': ['aes-kwp.number'],
    'OAEP is done with SHA-1 and without a label only': [
      ...OAEP,
      ...each(OAEP, ['.encryption-with-label']),
      ...each(CONSTRUCTED, ['.constructed']),
      'rsa-oaep.wycheproof.sha1.valid.encryption-with-label',
      'rsa-oaep.wycheproof.sha1.valid.constructed',
      ...['sha256', 'sha384', 'sha512', 'sha256-mgf1-sha1', 'sha1-label'].map(
        (how) => `mechanism.rsa-pkcs-oaep.${how}`,
      ),
      ...['sha256', 'sha384', 'sha512'].map((hash) => `crossed.rsa-pkcs-oaep.${hash}`),
    ],
    'PSS wants the same hash in MGF1': each(
      ['rsa-pss', 'rsa-pss-digest'].map((id) => `${id}.wycheproof.2048.sha256.mgf1-sha1.salt-20.valid`),
      ['', '.special-case-hash'],
    ),
    'an HMAC key is as long as its hash': [
      ...['sha1', 'sha224', 'sha256', 'sha384', 'sha512'].map((hash) => `hmac.wycheproof.${hash}.short-key.valid`),
    ],
    'CKR_GENERAL_ERROR is the answer to data that is wrong': each(
      ['aes-gcm', 'aes-cbc-pad', 'aes-kw', 'rsa-oaep', 'rsa-pkcs1-decrypt', 'ecdh', 'ecdh-der'],
      ['.refusal-code'],
    ),
    'CKR_GENERAL_ERROR is the answer to a size that is not offered': each(
      ['mechanism.rsa-pkcs-key-pair-gen'],
      ['.below', '.above'],
    ),
    'an empty part makes 2^64 bytes of what is held back': each(
      ['multipart.aes-cbc-pad.decrypt', 'multipart.des3-cbc-pad.decrypt'],
      ['.empty'],
    ),
    'room is wanted for padding and tags that are taken away': [
      ...each(
        ['aes-cbc-pad', 'aes-gcm', 'rsa-pkcs', 'rsa-pkcs-oaep'].map((id) => `room.${id}.decrypt`),
        ['.exact'],
      ),
      'room.aes-gcm.decrypt.plaintext-only',
    ],
    'AES-CBC is announced for wrapping, and does not wrap': ['mechanism.aes-cbc.wrap'],
  },
  'Kryoptic 1.5.4': {
    'room that is too small ends the operation': each(
      KRYOPTIC_CIPHERS.flatMap((id) => [`room.${id}.encrypt`, `room.${id}.decrypt`]),
      ['.small'],
    ),
    'nothing at all is unwrapped to a key of no bytes': [128, 192, 256].map(
      (bits) => `aes-kw.wycheproof.${bits}.invalid.invalid-wrapping-size`,
    ),
    'CKR_DEVICE_ERROR is the answer to data that is wrong': each(
      [...['aes-kw', 'aes-kwp', 'hkdf', 'rsa-oaep', 'rsa-pkcs1-decrypt', 'ecdh', 'ecdh-der', 'xdh'], 'ml-kem-expanded'],
      ['.refusal-code'],
    ),
    'AES-GCM gives out plaintext before its tag was checked': ['multipart.aes-gcm.decrypt.holds-back'],
    'AES-CTS does not go on after its first part': [
      ...['bytes', 'odd', 'blocks', 'uneven', 'empty'].flatMap((cut) => [
        `multipart.aes-cts.encrypt.${cut}`,
        `multipart.aes-cts.decrypt.${cut}`,
      ]),
    ],
    'AES-CBC with padding fails with parts that are no blocks': each(
      ['multipart.aes-cbc-pad.decrypt'],
      ['.bytes', '.odd'],
    ),
    'RSA without padding does not tell how much room it wants': each(
      ['room.rsa-x-509.encrypt', 'room.rsa-x-509.decrypt'],
      ['.query'],
    ),
    'room is wanted for padding that is taken away': each(
      ['aes-cbc-pad', 'rsa-pkcs', 'rsa-pkcs-oaep'].map((id) => `room.${id}.decrypt`),
      ['.exact'],
    ),
    'AES keys of any size are generated': [8, 15, 17, 33, 64].map((size) => `mechanism.aes-key-gen.refuses-${size}`),
    'CKR_GENERAL_ERROR is the answer to a curve that is not there': ['mechanism.curve.secp256k1'],
  },
} as const

export type KnownToken = keyof typeof known

/** The ids of the checks that a token fails. */
export function knownToGiveWrong(token: KnownToken): readonly string[] {
  return Object.values<readonly string[]>(known[token]).flat().sort()
}
