import type { Row } from './attack.js';
import type { ControlPlane } from './control-plane.js';
import type { Identities } from './identities.js';

/** What the rows against the control plane have before them. */
export interface Stage {
  plane: ControlPlane;
  who: Identities;
  /** Everything outside of the attackers' namespace, before the first attack. */
  untouched: Map<string, string>;
}

export type PlaneRow = Row<Stage>;
