import { type Attempt, codes, type Expected, each } from './attack.js';
import { CONFINED } from './identities.js';
import type { Identity, Request } from './requester.js';
import type { PlaneRow } from './stage.js';

const area = 'pod security';
const PODS = `/api/v1/namespaces/${CONFINED}/pods`;
const MERGE = { 'Content-Type': 'application/strategic-merge-patch+json' };
const APPLY = { 'Content-Type': 'application/apply-patch+yaml' };

const refusedByPolicy: Expected = {
  says: '403 by PodSecurity',
  accepts: ({ code, text }) => code === 403 && text.includes('violates PodSecurity'),
};

const unprivileged: Expected = {
  says: '403, 422, or a pod without privileges',
  accepts: ({ code, text }) => code === 403 || code === 422 || (code === 200 && !/"privileged":\s*true/.test(text)),
};

const pod = (spec: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'hostile', ...metadata },
  spec: { containers: [{ name: 'main', image: 'x' }], ...spec },
});
const privileged = { name: 'more', image: 'x', securityContext: { privileged: true } };

/** Each a way to more than a restricted pod may do. */
const HOSTILE = [
  pod({ containers: [privileged] }),
  pod({ initContainers: [privileged] }),
  pod({ hostNetwork: true }),
  pod({ hostPID: true }),
  pod({ volumes: [{ name: 'root', hostPath: { path: '/' } }] }),
  pod({ containers: [{ name: 'main', image: 'x', securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }] }),
];

/** Pods that say themselves that nothing holds for them. */
const CLAIMS = [
  { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
  { annotations: { 'pod-security.kubernetes.io/exempt': 'namespace' } },
  {
    namespace: CONFINED,
    ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'kube-system', uid: 'x', controller: true }],
  },
];

function tries(attempt: Attempt, identity: Identity, requests: readonly Request[]): Promise<void> {
  return each(requests, async (request) => {
    await attempt.try(identity, request, refusedByPolicy);
  });
}

export const podSecurityRows: PlaneRow[] = [
  {
    area,
    finding: 'no pod of a restricted namespace gets beyond it, whoever writes it and however',
    run: async (attempt, { who }) => {
      for (const identity of [who.editor, who.administrator]) {
        for (const body of HOSTILE) {
          await tries(attempt, identity, [
            { method: 'POST', path: PODS, body },
            { method: 'POST', path: `${PODS}?dryRun=All`, body },
            { method: 'PATCH', path: `${PODS}/hostile?fieldManager=a`, headers: APPLY, body },
          ]);
        }
      }
    },
  },
  {
    area,
    finding: 'nothing in a pod, and no header, exempts it',
    run: async (attempt, { who }) => {
      const spoofed = { 'X-Remote-User': 'system:admin', 'X-Remote-Group': 'system:masters' };
      for (const metadata of CLAIMS) {
        const body = pod({ hostNetwork: true, runtimeClassName: undefined }, metadata);
        await tries(attempt, who.editor, [
          { method: 'POST', path: PODS, body },
          { method: 'POST', path: PODS, headers: spoofed, body },
        ]);
      }
      // Nor can an editor loosen the namespace.
      const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
      const path = `/api/v1/namespaces/${CONFINED}`;
      await attempt.try(
        who.editor,
        { method: 'PATCH', path, headers: MERGE, body: { metadata: { labels } } },
        codes(403),
      );
    },
  },
  {
    area,
    finding: 'a pod that runs gets no privileges later',
    run: async (attempt, { who }) => {
      const path = `${PODS}/safe`;
      await tries(attempt, who.administrator, [
        {
          method: 'PATCH',
          path: `${path}/ephemeralcontainers`,
          headers: MERGE,
          body: { spec: { ephemeralContainers: [{ ...privileged, targetContainerName: 'main' }] } },
        },
      ]);
      const body = { spec: { containers: [{ name: 'main', securityContext: { privileged: true } }] } };
      // Of a security context these endpoints take nothing, or refuse it.
      for (const subresource of ['', '/resize', '/status']) {
        const request = { method: 'PATCH', path: `${path}${subresource}?dryRun=All`, headers: MERGE, body };
        await attempt.try(who.administrator, request, unprivileged);
      }
    },
  },
];
