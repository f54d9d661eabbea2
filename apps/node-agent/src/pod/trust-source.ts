import type { LabelSelector } from '#apimachinery';

/** Trust anchors of ClusterTrustBundles, as PEM. Both reject when there are none and they are not optional. */
export interface TrustSource {
  byName(name: string, optional: boolean): Promise<string>;
  /** All bundles of the signer that the selector selects; without one, none. */
  bySigner(signerName: string, selector: LabelSelector | undefined, optional: boolean): Promise<string>;
}
