/** A room where databases have no engine: what it says to who wants one, and that it goes on. */
import { Strongroom } from '../../src/index.ts'

const room = await Strongroom.open()
const wanted = { DBInstanceIdentifier: 'records', Engine: 'postgres', AllocatedStorage: 20 }
const master = { MasterUsername: 'doctor', MasterUserPassword: 'a-long-password' }
const refused = await room.rds.createDBInstance({ ...wanted, ...master }).catch((error: unknown) => error)
const { KeyMetadata } = await room.createKey()
console.log((refused as { code?: string }).code, (refused as Error).message, KeyMetadata?.KeyState)
await room.close()
