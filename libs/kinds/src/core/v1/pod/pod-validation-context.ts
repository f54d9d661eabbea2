import type { ObjectMeta } from '#apimachinery';
import type { PodSpec, Volume } from '../../../generated/types.js';

/**
 * What an update may keep though a create would refuse it: rules that came after objects were stored. Each is true when
 * the stored spec breaks the rule already.
 */
export interface Leniency {
  indivisibleHugePages: boolean;
  labelValuesInSelectors: boolean;
  labelValuesInNodeAffinity: boolean;
  spreadSelectors: boolean;
  spreadLabelKeys: boolean;
  tokenPaths: boolean;
  hostSysctls: boolean;
  restartOfInitContainers: boolean;
  devicesInUserNamespaces: boolean;
  emptyImageReferences: boolean;
  systemAdminWithoutEscalation: boolean;
}

export const strict: Leniency = {
  indivisibleHugePages: false,
  labelValuesInSelectors: false,
  labelValuesInNodeAffinity: false,
  spreadSelectors: false,
  spreadLabelKeys: false,
  tokenPaths: false,
  hostSysctls: false,
  restartOfInitContainers: false,
  devicesInUserNamespaces: false,
  emptyImageReferences: false,
  systemAdminWithoutEscalation: false,
};

/** What the checks of a pod spec's parts need to know of the whole. */
export interface PodContext {
  readonly spec: PodSpec;
  /** The pod's metadata; undefined for a template, whose pods have other names. */
  readonly meta: ObjectMeta | undefined;
  readonly lenient: Leniency;
  /** The volumes without errors, by name. */
  readonly volumes: ReadonlyMap<string, Volume>;
  /** Names of the pod's resource claims. */
  readonly claims: ReadonlySet<string>;
}
