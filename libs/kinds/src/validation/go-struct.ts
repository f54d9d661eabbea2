import { ownValue } from '#apimachinery';
/**
 * How the reference prints a value of its internal types in an error: every field in its order, under its Go name, and
 * null for what is unset. The names are of the fields in the order of the type.
 */
export function goStruct(names: string, value: object): Map<string, unknown> {
  const shown = new Map<string, unknown>();
  for (const name of names.split(' ')) {
    const own = ownValue(value as Record<string, unknown>, wireName(name));
    shown.set(name, own === undefined ? null : own);
  }
  return shown;
}

/** `RunAsUser` is `runAsUser`, `SELinuxOptions` is `seLinuxOptions`, `GMSACredentialSpec` is `gmsaCredentialSpec`. */
function wireName(name: string): string {
  if (name.startsWith('SELinux')) return `seLinux${name.slice(7)}`;
  if (name.startsWith('GMSA')) return `gmsa${name.slice(4)}`;
  return name[0]!.toLowerCase() + name.slice(1);
}
