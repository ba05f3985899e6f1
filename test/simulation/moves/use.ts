/** Cryptography: whatever was made under a key opens later, or does not, as the oracle says. */
import type { Verdict } from '../oracle.ts'
import type { Ciphertext, Player } from '../player.ts'

const CONTEXTS: readonly (Record<string, string> | undefined)[] = [undefined, { a: '1' }, { a: '2', b: '' }]
/** Ciphertexts that are remembered. */
const CIPHERTEXTS = 60

export async function encrypt(player: Player): Promise<void> {
  const { region, name, key } = player.aim()
  const verdict = key ? player.oracle.usable(key, false) : 'NotFoundException'
  const context = player.random.pick(CONTEXTS)
  const text = Uint8Array.of(player.random.below(256), player.random.below(256))
  const asked = { KeyId: name, EncryptionContext: context }
  const sealed = player.random.chance(0.5)
    ? await player.ask(verdict, region, 'encrypt', { ...asked, Plaintext: text })
    : await player.ask(verdict, region, 'generateDataKey', { ...asked, NumberOfBytes: 2 })
  if (verdict !== 'ok') return
  const [family] = key!
  const material = family.used.at(-1)!
  player.learn(material, sealed.KeyMaterialId)
  const plain = (sealed.Plaintext as Uint8Array | undefined) ?? text
  remember(player, { blob: sealed.CiphertextBlob as Uint8Array, text: plain, context, family, material })
}

export async function decrypt(player: Player): Promise<void> {
  const made = player.random.pick(player.ciphertexts)
  if (!made) return
  const region = player.regionOf(made.family)
  const named = player.random.chance(0.4) ? (player.random.chance(0.8) ? made.family.id : player.aim().name) : undefined
  const context = player.random.chance(0.9) ? made.context : player.random.pick(CONTEXTS)
  const input = { CiphertextBlob: made.blob, KeyId: named, EncryptionContext: context }
  const verdict = opens(player, made, region, named, context)
  const answer = await player.ask(verdict, region, 'decrypt', input)
  if (verdict !== 'ok') return
  player.same('Plaintext', [...(answer.Plaintext as Uint8Array)], [...made.text])
  player.learn(made.material, answer.KeyMaterialId)
}

export async function reEncrypt(player: Player): Promise<void> {
  const made = player.random.pick(player.ciphertexts)
  if (!made) return
  const { region, name, key: target } = player.aim({ region: player.regionOf(made.family) })
  const context = player.random.pick(CONTEXTS)
  const source = player.oracle.find(region, made.family.id)
  const admitted = source ? player.oracle.usable(source, false) : 'AccessDeniedException'
  // Both are found before either is admitted.
  const missing = !source ? admitted : !target ? 'NotFoundException' : undefined
  const verdict = missing ?? (admitted === 'ok' ? player.oracle.usable(target!, false) : admitted)
  const contexts = { SourceEncryptionContext: made.context, DestinationEncryptionContext: context }
  const input = { CiphertextBlob: made.blob, DestinationKeyId: name, ...contexts }
  const answer = await player.ask(verdict, region, 'reEncrypt', input)
  if (verdict !== 'ok') return
  const [family] = target!
  const material = family.used.at(-1)!
  player.learn(material, answer.DestinationKeyMaterialId)
  remember(player, { blob: answer.CiphertextBlob as Uint8Array, text: made.text, context, family, material })
}

export async function mac(player: Player): Promise<void> {
  const { region, name, key } = player.aim()
  const verdict = key ? player.oracle.usable(key, true) : 'NotFoundException'
  const input = { KeyId: name, Message: Uint8Array.of(1), MacAlgorithm: 'HMAC_SHA_256' }
  const { Mac } = await player.ask(verdict, region, 'generateMac', input)
  if (verdict === 'ok') await player.ask('ok', region, 'verifyMac', { ...input, Mac })
}

function opens(player: Player, made: Ciphertext, region: string, named: string | undefined, context: unknown): Verdict {
  const key = player.oracle.find(region, named ?? made.family.id)
  if (!key) return named ? 'NotFoundException' : 'AccessDeniedException'
  const admitted = player.oracle.admits(key, 'Enabled', 'Updating')
  if (admitted !== 'ok') return admitted
  if (key[0] !== made.family) return 'IncorrectKeyException'
  return context === made.context ? 'ok' : 'InvalidCiphertextException'
}

function remember({ ciphertexts, random }: Player, made: Ciphertext): void {
  ciphertexts.push(made)
  if (ciphertexts.length > CIPHERTEXTS) ciphertexts.splice(random.below(CIPHERTEXTS), 1)
}
