import { ownValue } from '#apimachinery';
import type { PersistentVolumeClaim, StorageClass } from '#kinds';

type Metadata = PersistentVolumeClaim['metadata'];

const PATH_PATTERN = 'pathPattern';
const UNSAFE = 'allowUnsafePathPattern';
const ACTION = /\{\{-?([^{}]*)\}\}/g;
/** `.PVC.Labels.key`, and `index .PVC.Labels "key"` for keys that are no words. */
const KEYED = /^(?:\.PVC\.(Labels|Annotations)\.(\w+)|index \.PVC\.(Labels|Annotations) "([^"\\]*)")$/;
/** One name of the path, as the agents take it. */
const NAME = /^[A-Za-z0-9_][-A-Za-z0-9._]{0,252}$/;
const MOST_NAMES = 9;

export function isPatterned({ parameters = {} }: Pick<StorageClass, 'parameters'>): boolean {
  return Boolean(ownValue(parameters, PATH_PATTERN));
}

/**
 * The folder that a class names by a pattern of Rancher's provisioner: a Go template of the claim's metadata and `.PVName`.
 * Throws when it makes no folder of the claim's own: it begins with the claim's namespace and name, so no two claims that are
 * there at the same time share one.
 */
export function patternedFolder(parameters: Record<string, string>, metadata: Metadata): string {
  const refuse = (why: string): never => {
    throw new Error(`parameter ${PATH_PATTERN}: ${why}`);
  };
  if (ownValue(parameters, UNSAFE) === 'true') throw new Error(`parameter ${UNSAFE} is not supported`);
  const path = ownValue(parameters, PATH_PATTERN)!.replaceAll(ACTION, (action: string, inside: string) => {
    const value = metadataValue(inside.replace(/-$/, '').trim(), metadata);
    return value ?? refuse(`${JSON.stringify(action)} is not supported, or the claim has no such value`);
  });
  const names = path.replace(/\/$/, '').split('/');
  const [namespace, name] = names;
  if (namespace !== metadata.namespace || name !== metadata.name) {
    refuse('it must begin with {{ .PVC.Namespace }}/{{ .PVC.Name }}');
  }
  if (names.length > MOST_NAMES || !names.every((part) => NAME.test(part))) {
    refuse(`${JSON.stringify(path)} is no path of plain names`);
  }
  return names.join('/');
}

function metadataValue(
  expression: string,
  { uid, namespace, name, labels, annotations }: Metadata,
): string | undefined {
  switch (expression) {
    case '.PVName':
      return `pvc-${uid}`;
    case '.PVC.Namespace':
      return namespace;
    case '.PVC.Name':
      return name;
    case '.PVC.UID':
      return uid;
  }
  const [, field, key, indexed, index] = KEYED.exec(expression) ?? [];
  const of = (field ?? indexed) === 'Labels' ? labels : annotations;
  const wanted = key ?? index;
  return wanted === undefined ? undefined : ownValue(of ?? {}, wanted);
}
