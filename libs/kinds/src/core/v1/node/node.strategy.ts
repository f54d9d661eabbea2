import type { KindStrategy } from '../../../contract/kind-module.js';
import type { Node } from '../../../generated/types.js';

/** Dynamic configuration of the kubelet is gone: its fields are kept where they are, and set nowhere. */
export const nodeStrategy: KindStrategy = {
  prepareForCreate(node: Node) {
    delete node.spec.configSource;
    delete node.status?.config;
  },
  prepareForUpdate(node: Node, old: Node) {
    if (old.spec.configSource === undefined) delete node.spec.configSource;
    if (old.status?.config === undefined) delete node.status?.config;
  },
};
