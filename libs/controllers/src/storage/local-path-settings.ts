import type { ConfigMap } from '#kinds';
import { gvr } from '#kinds';
import type { ControllerRuntime } from '../context.js';
import { LocalPathConfig } from './local-path-config.js';

const NAME = 'local-path-config';
const FILE = 'config.json';
/** Where K3s has it, and where Rancher's manifest puts it; the first one that is there counts. */
const NAMESPACES = ['kube-system', 'local-path-storage'];

/** Follows the ConfigMap that says in which folders of the nodes volumes are made. */
export class LocalPathSettings {
  private readonly maps;
  /** By the ConfigMap's uid and version: what was last looked at. */
  private seen: string | undefined;
  private config: LocalPathConfig | undefined;
  private error: string | undefined;

  constructor(private readonly runtime: ControllerRuntime) {
    this.maps = runtime.informers.for<ConfigMap>(gvr.configmaps);
  }

  concerns({ metadata }: ConfigMap): boolean {
    return metadata.name === NAME && NAMESPACES.includes(metadata.namespace!);
  }

  /**
   * The configuration in effect; undefined: the agents' own folders. One that is wrong is told once, and changes nothing.
   * Throws when no other was in effect before it.
   */
  current(): LocalPathConfig | undefined {
    this.look();
    if (this.error !== undefined && !this.config) throw new Error(this.error);
    return this.config;
  }

  /** Folders of the node that the configuration in effect names. */
  known(node: string): readonly string[] {
    this.look();
    return this.config?.rootsOf(node) ?? [];
  }

  /** Takes the ConfigMap as it is now, if it is another one. */
  look(): void {
    const map = NAMESPACES.map((namespace) => this.maps.get(namespace, NAME)).find((found) => found !== undefined);
    const version = map && `${map.metadata.uid} ${map.metadata.resourceVersion}`;
    if (version === this.seen) return;
    this.seen = version;
    this.take(map);
  }

  private take(map: ConfigMap | undefined): void {
    this.error = undefined;
    if (!map) {
      this.config = undefined;
      return;
    }
    const { namespace, name } = map.metadata;
    try {
      const text = map.data?.[FILE];
      if (text === undefined) throw new Error(`it has no ${FILE}`);
      this.config = LocalPathConfig.parse(text);
    } catch (error) {
      this.error = `the configuration in ConfigMap ${namespace}/${name} is not valid: ${(error as Error).message}`;
      const { recorder, logger } = this.runtime;
      recorder.event(map, 'Warning', 'InvalidConfiguration', this.error);
      logger.warn('configuration of local-path volumes not taken', { error: this.error });
    }
  }
}
