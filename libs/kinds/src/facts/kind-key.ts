/** `apps/v1/Deployment`, `v1/Pod`: how the facts name a kind. */
export function kindKey(group: string, version: string, kind: string): string {
  return group === '' ? `${version}/${kind}` : `${group}/${version}/${kind}`;
}
