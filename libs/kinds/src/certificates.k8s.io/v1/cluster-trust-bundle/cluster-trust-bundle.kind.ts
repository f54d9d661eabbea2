import { nameOf, none } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { subdomainName } from '../../../meta/names.js';
import { clusterTrustBundleValidator } from './cluster-trust-bundle.validation.js';

export const clusterTrustBundleKind: KindModule = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'ClusterTrustBundle',
  validator: clusterTrustBundleValidator,
  cells: (object) => [nameOf(object), object.spec.signerName || none],
  // What is of a signer begins with its name, and has colons.
  nameFormat: (name, prefix) => (name.includes(':') ? [] : subdomainName(name, prefix)),
};
