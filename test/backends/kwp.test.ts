/** AES key wrap with padding: which of its two numbers a token does right. */
import test, { type ExecutionContext } from 'ava'
import { located } from '../../src/backends/pkcs11/choice.ts'
import { Library, type Cryptoki } from '../../src/backends/pkcs11/cryptoki.ts'
import { kwpOf } from '../../src/backends/pkcs11/kwp.ts'
import { Token } from '../../src/backends/pkcs11/token.ts'
import { pkcs11, type Pkcs11Options } from '../../src/index.ts'
import { kryopticTokens } from '../helpers/kryoptic.ts'
import { softTokens } from '../helpers/softhsm.ts'

const { old } = softTokens('old')
const { modern } = kryopticTokens('modern')

async function opened(t: ExecutionContext, options: Pkcs11Options): Promise<Token> {
  const { module, choice } = located(options)
  const token = new Token(await Library.open(module), choice)
  t.teardown(() => token.close())
  return token
}

test.serial('SoftHSM2 has 0x210A alone, which corrupts keys of 20 bytes: it is never used', async (t) => {
  t.is(await kwpOf(await opened(t, old)), 'absent')
})

test.serial('Kryoptic does it right under 0x210B', async (t) => {
  t.is(await kwpOf(await opened(t, modern)), '0x210b')
})

test.serial('a token that does it right under 0x210A is used with that', async (t) => {
  const token = await opened(t, modern)
  const rightly = token.cryptoki.C_WrapKey.bind(token.cryptoki)
  const swapped: Cryptoki['C_WrapKey'] = (session, mechanism, by, key, out) => {
    const { mechanism: number } = mechanism as { readonly mechanism: number }
    return rightly(session, { mechanism: number ^ 1 }, by, key, out)
  }
  Object.assign(token.cryptoki, { C_WrapKey: swapped })
  t.teardown(() => Object.assign(token.cryptoki, { C_WrapKey: rightly }))
  t.is(await kwpOf(token), '0x210a')
})

test.serial('what was found out is in the profile, and told', async (t) => {
  const { backend, profile, abilities } = await pkcs11(modern).open()
  t.is(profile.abilities.kwp, '0x210b')
  t.regex(abilities.find(({ what }) => what === 'ImportKeyMaterial')!.how!, /right under 0x210B/)
  await backend.close()
})
