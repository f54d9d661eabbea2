/** `v2beta1`: whole numbers, and how far it is from being generally available. */
const KUBE_VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const STAGES = ['alpha', 'beta', undefined];

/**
 * Positive when `a` comes before `b`: the order of versions of a custom resource, newest and most stable first, names of another
 * form last in the order of the alphabet (apimachinery's CompareKubeAwareVersionStrings).
 */
export function compareKubeVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => KUBE_VERSION.exec(version));
  if (!left || !right) {
    if (left) return 1;
    if (right) return -1;
    return a < b ? 1 : a > b ? -1 : 0;
  }
  const stage = STAGES.indexOf(left[2]) - STAGES.indexOf(right[2]);
  return stage || Number(left[1]) - Number(right[1]) || Number(left[3] ?? 0) - Number(right[3] ?? 0);
}

/** The order in which discovery lists them. */
export function sortKubeVersions(versions: Iterable<string>): string[] {
  return [...versions].sort((a, b) => compareKubeVersions(b, a));
}
