import { allResources, type ResourceDefinition } from '#kinds';
import { type Attempt, codes, each, notFound, refused } from './attack.js';
import { OWN, VICTIM } from './identities.js';
import type { Identity, Request } from './requester.js';
import { collectionOf, prefixOf, targetName } from './scenery.js';
import type { PlaneRow } from './stage.js';

const area = 'scope';
const LABEL = { metadata: { labels: { attacked: 'true' } } };
/** No such route; where the collection is there and the method is not, that. */
const noRoute = codes(404, 405);

const METHODS: Record<string, string> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};
const OF_COLLECTION = new Set(['list', 'watch', 'create', 'deletecollection']);

type Body = Pick<ResourceDefinition, 'group' | 'version' | 'kind'>;

const named = ({ group, version, kind }: Body, name: string) => ({
  apiVersion: group === '' ? version : `${group}/${version}`,
  kind,
  metadata: { name },
});

/**
 * Every verb of a resource and of its subresources, with `collection` as the path of its collection. Bodies are a name or a
 * label: who gets beyond authorization with them shows it by another answer.
 */
export function requestsOf(
  definition: ResourceDefinition,
  collection: string,
  name = targetName(definition),
): Request[] {
  const request = (verb: string, path: string, of: Body): Request => ({
    method: METHODS[verb]!,
    path: verb === 'watch' ? `${path}?watch=1&timeoutSeconds=1` : path,
    ...(verb === 'patch'
      ? { body: LABEL }
      : verb === 'create' || verb === 'update'
        ? { body: named(of, name) }
        : undefined),
    note: verb,
  });
  return [
    ...definition.verbs.map((verb) =>
      request(verb, OF_COLLECTION.has(verb) ? collection : `${collection}/${name}`, definition),
    ),
    ...definition.subresources.flatMap((sub) =>
      sub.verbs.map((verb) => request(verb, `${collection}/${name}/${sub.name}`, sub)),
    ),
  ];
}

const clusterScoped = () => allResources().filter(({ namespaced }) => !namespaced);
const namespaced = () => allResources().filter((item) => item.namespaced);

async function nobodyReaches(
  attempt: Attempt,
  admin: Identity,
  others: Identity[],
  requests: Request[],
): Promise<void> {
  await each(requests, async (request) => {
    for (const identity of others) await attempt.try(identity, request, refused);
    await attempt.try(admin, request, noRoute);
  });
}

export const scopeRows: PlaneRow[] = [
  {
    area,
    finding: 'a cluster-scoped resource has no path below a namespace',
    run: async (attempt, { who }) => {
      const requests = clusterScoped().flatMap((definition) =>
        [OWN, VICTIM].flatMap((namespace) =>
          requestsOf(definition, `${prefixOf(definition)}/namespaces/${namespace}/${definition.plural}`),
        ),
      );
      await nobodyReaches(attempt, who.administrator, [who.owner, who.viewer, who.anonymous], requests);
    },
  },
  {
    area,
    finding: 'a cluster-scoped resource has no watch path below a namespace',
    run: async (attempt, { who }) => {
      const requests = clusterScoped().flatMap((definition) => {
        const path = `${prefixOf(definition)}/watch/namespaces/${OWN}/${definition.plural}`;
        return [path, `${path}/${targetName(definition)}`].map((form) => ({ path: `${form}?timeoutSeconds=1` }));
      });
      await nobodyReaches(attempt, who.administrator, [who.owner, who.viewer], requests);
    },
  },
  {
    area,
    finding: 'a namespace in a namespace leads nowhere',
    run: async (attempt, { who }) => {
      const requests = namespaced().flatMap((definition) =>
        requestsOf(definition, `${prefixOf(definition)}/namespaces/${OWN}/namespaces/${VICTIM}/${definition.plural}`),
      );
      const watches = ['secrets', 'pods'].map((plural) => ({
        path: `/api/v1/watch/namespaces/${OWN}/namespaces/${VICTIM}/${plural}?timeoutSeconds=1`,
      }));
      await nobodyReaches(attempt, who.administrator, [who.owner], [...requests, ...watches]);
    },
  },
  {
    area,
    finding: 'the name of a namespaced object takes a namespace',
    run: async (attempt, { who }) => {
      const requests = namespaced().flatMap((definition) =>
        requestsOf(definition, collectionOf(definition)).filter(({ path }) =>
          path.startsWith(`${collectionOf(definition)}/`),
        ),
      );
      await nobodyReaches(attempt, who.administrator, [who.owner, who.anonymous], requests);
    },
  },
  {
    area,
    finding: 'a node is not proxied to through a namespace',
    run: async (attempt, { who }) => {
      const paths = ['proxy', 'proxy/', 'proxy/pods', 'proxy/run/kube-system/pod/c?cmd=id', 'proxy/exec/a/b/c'].flatMap(
        (rest) =>
          ['x', 'x:10250', 'https:x:10250', 'y'].map((node) => `/api/v1/namespaces/${OWN}/nodes/${node}/${rest}`),
      );
      await each(paths, async (path) => {
        for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) {
          for (const identity of [who.owner, who.collector]) await attempt.try(identity, { method, path }, refused);
        }
        const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket' };
        await attempt.try(who.owner, { path, headers: upgrade, note: 'WebSocket' }, codes(400, 403, 404));
        await attempt.try(who.administrator, { path }, notFound);
      });
    },
  },
  {
    area,
    finding: 'older proxy prefixes lead nowhere',
    run: async (attempt, { who }) => {
      const paths = [
        '/api/v1/proxy/nodes/y/pods',
        `/api/v1/proxy/namespaces/${OWN}/pods/runner/`,
        `/api/v1/proxy/namespaces/${VICTIM}/services/target/`,
        `/api/v1/proxy/namespaces/${OWN}/namespaces/${VICTIM}/services/target/`,
      ];
      for (const path of paths) {
        for (const identity of [who.owner, who.anonymous]) await attempt.try(identity, { path }, refused);
        await attempt.try(who.administrator, { path }, notFound);
      }
    },
  },
];
