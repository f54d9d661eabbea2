import type { KubeObject } from '#apimachinery';

/** ConfigMaps and Secrets as pods of this node see them. */
export interface ConfigSource {
  /** Undefined when it does not exist; other failures are thrown. */
  configMap(namespace: string, name: string): Promise<KubeObject | undefined>;
  secret(namespace: string, name: string): Promise<KubeObject | undefined>;
}
