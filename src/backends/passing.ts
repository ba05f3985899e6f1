/** A device whose keys are to end with the room: whatever it was made to keep is destroyed when the room closes. */
import { after, type Backend, type Eventually, type Importer } from './backend.ts'

export function passing(backend: Backend): Backend {
  const { importer } = backend
  const made: Uint8Array[] = []
  const noting = <T extends { readonly token: Uint8Array }>(key: Eventually<T>): Eventually<T> =>
    after(key, (known) => {
      made.push(known.token)
      return known
    })
  return {
    ...backend,
    create: (...given) => noting(backend.create(...given)),
    importer: importer && {
      ...importer,
      parameters: (...given) =>
        after(importer.parameters(...given), (parameters) => {
          if (parameters.kept) made.push(parameters.kept)
          return parameters
        }),
      import: (...given: Parameters<Importer['import']>) => noting(importer.import(...given)),
    },
    async close() {
      for (const token of made.splice(0)) await erased(token)
      await backend.close()
    },
  }

  async function erased(token: Uint8Array): Promise<void> {
    try {
      await backend.erase?.(token)
    } catch {
      // A device that fails keeps nobody from closing.
    }
  }
}
