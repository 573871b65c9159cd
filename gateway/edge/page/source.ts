import type { Asked } from '../../explain/asked.ts'
import type { Explanation } from '../../explain/explanation.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Counts } from '../counts.ts'
import type { ReloadFailure } from '../policy-file.ts'
import type { Refusals } from '../refusals.ts'
import type { GatewayStatus } from '../status.ts'

/** What the page is made of: of one process, or of several that serve together. */
export interface PageSource {
  readonly policy: () => Policy
  /** The last try to read the policy, where it failed. */
  readonly reloadFailure: () => ReloadFailure | undefined
  readonly notReady: () => Promise<string | undefined>
  readonly status: () => Promise<GatewayStatus>
  readonly counts: () => Promise<Counts>
  readonly refusals: Refusals
  /** `undefined` where nobody is there to answer. */
  readonly explain: (asked: Asked) => Promise<Explanation | undefined>
}
