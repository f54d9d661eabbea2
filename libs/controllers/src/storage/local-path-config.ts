import { bare, ownValue } from '#apimachinery';
import type { StorageClass } from '#kinds';

/** The entry for nodes that have none. */
const OTHER_NODES = 'DEFAULT_PATH_FOR_NON_LISTED_NODES';
const NODE_PATH = 'nodePath';

/** Keys that ask for what is not done here, and why it is not. */
const REFUSED = bare<string>({
  sharedFileSystemPath: 'volumes are folders of one node',
  storageClassConfigs: 'a class names its folder by the parameter nodePath',
  setupCommand: 'the agent makes folders itself',
  teardownCommand: 'the agent deletes folders itself',
});

/** In which folders of each node volumes are made: `config.json` of Rancher's local-path-provisioner. */
export class LocalPathConfig {
  private constructor(private readonly paths: ReadonlyMap<string, readonly string[]>) {}

  /** Throws with what is wrong. Words for what the original refuses are its own. */
  static parse(text: string): LocalPathConfig {
    const config = JSON.parse(text) as Record<string, unknown> | null;
    if (typeof config !== 'object' || config === null || Array.isArray(config)) throw new Error('it is no JSON object');
    for (const [key, why] of Object.entries(REFUSED))
      if (ownValue(config, key)) throw new Error(`${key} is not supported: ${why}`);
    const { nodePathMap } = config;
    if (!Array.isArray(nodePathMap)) throw new Error('nodePathMap is no list');
    const found = new Map<string, readonly string[]>();
    for (const entry of nodePathMap) {
      const { node, paths } = (entry ?? {}) as { node?: unknown; paths?: unknown };
      if (typeof node !== 'string' || node === '') throw new Error('an entry of nodePathMap names no node');
      if (found.has(node)) throw new Error(`duplicate node ${node}`);
      found.set(node, checkedPaths(node, paths));
    }
    return new LocalPathConfig(found);
  }

  /**
   * The folder for a claim's volume on the node; the same one at each try. Throws when the node has none, or not the one that
   * the class asks for.
   */
  rootFor(node: string, uid: string, { parameters }: StorageClass): string {
    const paths = this.rootsOf(node);
    if (!paths) throw new Error(`config doesn't contain node ${node}, and no ${OTHER_NODES} available`);
    if (paths.length === 0) throw new Error(`no local path available on node ${node}`);
    const wanted = parameters?.[NODE_PATH];
    if (!wanted) return paths[Number.parseInt(uid.slice(0, 8), 16) % paths.length]!;
    if (!paths.includes(wanted)) throw new Error(`config doesn't contain path ${wanted} on node ${node}`);
    return wanted;
  }

  /** All folders of the node that may have volumes. */
  rootsOf(node: string): readonly string[] | undefined {
    return this.paths.get(node) ?? this.paths.get(OTHER_NODES);
  }
}

function checkedPaths(node: string, paths: unknown): string[] {
  if (!Array.isArray(paths)) throw new Error(`the paths of node ${node} are no list`);
  const found = new Set<string>();
  for (const path of paths) {
    if (typeof path !== 'string' || !path.startsWith('/')) {
      throw new Error(`path must start with / for path ${path} on node ${node}`);
    }
    if (path.split('/').some((part) => part === '.' || part === '..')) {
      throw new Error(`path ${path} on node ${node} must not contain . or ..`);
    }
    const clean = `/${path.split('/').filter(Boolean).join('/')}`;
    if (clean === '/') throw new Error(`cannot use root ('/') as path on node ${node}`);
    if (found.has(clean)) throw new Error(`duplicate path ${clean} on node ${node}`);
    found.add(clean);
  }
  return [...found];
}
