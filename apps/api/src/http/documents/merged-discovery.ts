import type { AggregatedSurface } from './aggregated-surface.js';

interface GroupEntry {
  name: string;
  versions: { groupVersion: string; version: string }[];
  preferredVersion?: { groupVersion: string; version: string };
}

interface AggregatedGroup {
  metadata: { name?: string };
  versions: { version: string; resources: readonly object[]; freshness: string }[];
}

/** GET /apis: the groups of this server, then those of the others. */
export function withAggregatedGroups(list: { groups: GroupEntry[] }, apis: AggregatedSurface): object {
  if (apis.size === 0) return list;
  const groups = list.groups.map((group) => ({ ...group, versions: [...group.versions] }));
  for (const { group, version } of apis.list()) {
    const entry = { groupVersion: `${group}/${version}`, version };
    const found = groups.find(({ name }) => name === group);
    if (!found) groups.push({ name: group, versions: [entry], preferredVersion: entry });
    else if (!found.versions.some((other) => other.version === version)) found.versions.push(entry);
  }
  return { ...list, groups };
}

/** GET /apis/<group>; undefined when neither this server nor another has it. */
export function withAggregatedVersions(
  own: GroupEntry | undefined,
  group: string,
  apis: AggregatedSurface,
): object | undefined {
  const { groups } = withAggregatedGroups({ groups: own ? [own] : [] }, apis) as { groups: GroupEntry[] };
  const found = groups.find(({ name }) => name === group);
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...found };
}

/** The aggregated document. A version whose server has said nothing yet is stale and empty. */
export function withAggregatedResources(document: { items: AggregatedGroup[] }, apis: AggregatedSurface): object {
  if (apis.size === 0) return document;
  const items = document.items.map((item) => ({ ...item, versions: [...item.versions] }));
  for (const api of apis.list()) {
    const served = apis.documentsOf(api);
    const freshness = served && api.available ? 'Current' : 'Stale';
    const entry = { version: api.version, resources: served?.resources ?? [], freshness };
    const group = items.find(({ metadata }) => metadata.name === api.group);
    if (!group) items.push({ metadata: { name: api.group }, versions: [entry] });
    else {
      const at = group.versions.findIndex(({ version }) => version === api.version);
      if (at < 0) group.versions.push(entry);
      else group.versions[at] = entry;
    }
  }
  return { ...document, items };
}
