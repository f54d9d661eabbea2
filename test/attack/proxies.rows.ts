import { createAuthority } from '../../apps/api/src/pki/certificate-issuer.js';
import { type Attempt, clientError, codes, type Expected } from './attack.js';
import type { ControlPlane } from './control-plane.js';
import { OWN, TARGET, VICTIM } from './identities.js';
import { Listener } from './listener.js';
import type { Identity } from './requester.js';
import type { PlaneRow, Stage } from './stage.js';

const area = 'proxies';
const PASSWORD = Buffer.from('the-password-of-the-victim').toString('base64');
const SECRET = `/api/v1/namespaces/${VICTIM}/secrets/${TARGET}`;
const BINDINGS = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';

/** Addresses that the control plane never calls on somebody's behalf. */
const INWARD = [
  '127.0.0.1',
  '127.1.2.3',
  '::1',
  '::ffff:127.0.0.1',
  '0.0.0.0',
  '::',
  '169.254.169.254',
  'fe80::1',
  '224.0.0.1',
  'ff02::1',
  'localhost',
];

const noSecret: Expected = { says: 'no secret', accepts: ({ text }) => !text.includes(PASSWORD) };
/** A target that cannot be dialled may be 5xx in the reference, too; a target that is not to be dialled is 4xx. */
const notDialled: Expected = {
  says: '4xx: the address is not allowed',
  accepts: ({ code }) => code >= 400 && code < 500,
};

const onLoopback = ({ plane }: Stage) =>
  plane.address === '127.0.0.1'
    ? 'a network namespace of its own takes root: on loopback no node can be called'
    : undefined;

const authorityOf = (plane: ControlPlane) => ({ certificate: plane.pki('ca.crt'), key: plane.pki('ca.key') });

/** As the node itself: whoever holds its certificate may say what is in its status. */
async function nodeSays(stage: Stage, status: object): Promise<void> {
  const { plane, who } = stage;
  const path = '/api/v1/nodes/x/status';
  const headers = { 'Content-Type': 'application/merge-patch+json' };
  const { code, text } = await plane.requester.send(who.node, { method: 'PATCH', path, headers, body: { status } });
  if (code !== 200) throw new Error(`a node cannot say its own status: ${code} ${text}`);
}

const addressed = (address: string, port: number) => ({
  addresses: [{ type: address === 'localhost' ? 'Hostname' : 'InternalIP', address }],
  daemonEndpoints: { kubeletEndpoint: { Port: port } },
});

async function neverAdministrator(attempt: Attempt, listener: Listener, what: string): Promise<void> {
  const masters = listener.visits.filter(({ subject }) => subject.includes('system:masters'));
  attempt.check('-', what, 'no certificate of system:masters', masters.length === 0, masters);
  const tokens = listener.visits.filter(({ authorization }) => authorization !== '');
  attempt.check('-', what, "no caller's token", tokens.length === 0, tokens);
}

export const proxyRows: PlaneRow[] = [
  {
    area,
    finding: "the API's own port is not reached with the server's certificate",
    skip: onLoopback,
    run: async (attempt, stage) => {
      const { plane, who } = stage;
      const port = plane.port;
      const nodes = [`x:${port}`, `https:x:${port}`, `http:x:${port}`, 'x'];
      await nodeSays(stage, addressed(plane.address, port));
      for (const node of nodes) {
        const proxy = `/api/v1/nodes/${node}/proxy`;
        const get = async (identity: Identity, path: string) =>
          attempt.try(identity, { path: `${proxy}${path}`, serverErrorAllowed: true }, noSecret);
        await get(who.collector, SECRET);
        await get(who.administrator, SECRET);
        const { text } = await get(who.collector, '/apis/authentication.k8s.io/v1/selfsubjectreviews');
        attempt.check(
          who.collector.name,
          `${proxy}/...reviews`,
          'nobody of system:masters',
          !text.includes('system:masters'),
          text,
        );
        const binding = {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: 'taken' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
          subjects: [{ kind: 'ServiceAccount', namespace: OWN, name: 'owner' }],
        };
        // As the administrator of nodes would: whoever gets this far must not get further.
        await plane.requester.send(who.administrator, { method: 'POST', path: `${proxy}${BINDINGS}`, body: binding });
      }
      const { code } = await plane.requester.send(who.administrator, { path: `${BINDINGS}/taken` });
      attempt.check('any proxy', `POST ${BINDINGS}`, 'no binding', code === 404, code);
      if (code === 200) await plane.json(`${BINDINGS}/taken`, { method: 'DELETE' });
      await nodeSays(stage, addressed(plane.address, 10250));
    },
  },
  {
    area,
    finding: 'the client certificate goes to the port of the kubelet alone',
    skip: onLoopback,
    run: async (attempt, stage) => {
      const { plane, who } = stage;
      const kubelet = await Listener.tls(authorityOf(plane), plane.address);
      const other = await Listener.tls(authorityOf(plane), plane.address);
      const plain = await Listener.plain(plane.address);
      try {
        await nodeSays(stage, addressed(plane.address, kubelet.port));
        for (const node of [`x:${other.port}`, `https:x:${other.port}`, `http:x:${plain.port}`, `x:${plain.port}`]) {
          const path = `/api/v1/nodes/${node}/proxy/anything`;
          await attempt.try(who.collector, { path, serverErrorAllowed: true }, noSecret);
        }
        const shown = [...other.visits, ...plain.visits].filter(({ subject }) => subject !== '');
        attempt.check(
          who.collector.name,
          'nodes/x:<other port>/proxy',
          'no client certificate',
          shown.length === 0,
          shown,
        );
        await attempt.try(who.collector, { path: '/api/v1/nodes/x/proxy/pods' }, codes(200));
        await attempt.try(who.collector, { path: `/api/v1/nodes/https:x:${kubelet.port}/proxy/pods` }, codes(200));
        const log = `/api/v1/namespaces/${OWN}/pods/runner/log`;
        await attempt.try(who.viewer, { path: log }, codes(200));
        const bare = kubelet.visits.filter(({ subject }) => subject === '');
        attempt.check(
          '-',
          'nodes/x/proxy, pods/runner/log',
          'the client certificate at the kubelet',
          bare.length === 0,
          bare,
        );
        for (const listener of [kubelet, other, plain]) await neverAdministrator(attempt, listener, 'what a node sees');
      } finally {
        for (const listener of [kubelet, other, plain]) listener.close();
        await nodeSays(stage, addressed(plane.address, 10250));
      }
    },
  },
  {
    area,
    finding: 'no node leads the server to its own loopback or link',
    run: async (attempt, stage) => {
      const { plane, who } = stage;
      const inside = await Listener.tls(authorityOf(plane), '127.0.0.1');
      try {
        for (const address of INWARD) {
          await nodeSays(stage, addressed(address, inside.port));
          for (const node of ['x', `https:x:${inside.port}`, `x:${inside.port}`]) {
            const path = `/api/v1/nodes/${node}/proxy/`;
            await attempt.try(who.collector, { path, note: address, timeoutMs: 3000 }, notDialled);
          }
        }
        attempt.check('-', 'all of these', 'no connection to loopback', inside.connections === 0, inside.connections);
      } finally {
        inside.close();
        await nodeSays(stage, addressed(plane.address, 10250));
      }
    },
  },
  {
    area,
    finding: "logs come from a server that the cluster's authority vouches for",
    run: async (attempt, stage) => {
      const { plane, who } = stage;
      // Of another authority. Where it listens makes no difference: for logs the reference calls a node wherever it is.
      const foreign = await Listener.tls(await createAuthority('kubernetes', new Date()), plane.address);
      try {
        await nodeSays(stage, addressed(plane.address, foreign.port));
        for (const path of ['pods/runner/log', 'pods/runner/log?follow=true']) {
          const request = { path: `/api/v1/namespaces/${OWN}/${path}`, serverErrorAllowed: true };
          await attempt.try(who.viewer, request, codes(500, 502, 503));
        }
        const { visits } = foreign;
        attempt.check('-', 'pods/runner/log', 'no request and no certificate', visits.length === 0, visits);
      } finally {
        foreign.close();
        await nodeSays(stage, addressed(plane.address, 10250));
      }
    },
  },
  {
    area,
    finding: 'no pod leads the server to its own loopback or link',
    run: async (attempt, { plane, who }) => {
      const inside = await Listener.tls(authorityOf(plane), '127.0.0.1');
      const plain = await Listener.plain('127.0.0.1');
      try {
        for (const podIP of INWARD.filter((address) => address !== 'localhost')) {
          const path = `/api/v1/namespaces/${OWN}/pods/runner/status`;
          const headers = { 'Content-Type': 'application/merge-patch+json' };
          const body = { status: { podIP, podIPs: [{ ip: podIP }] } };
          // Refusing the address here is as good as refusing to call it.
          await plane.requester.send(who.node, { method: 'PATCH', path, headers, body });
          const stored = await plane.json(`/api/v1/namespaces/${OWN}/pods/runner`);
          if (stored.status.podIP !== podIP) continue;
          for (const pod of [`https:runner:${inside.port}`, `runner:${plain.port}`]) {
            const proxied = `/api/v1/namespaces/${OWN}/pods/${pod}/proxy/version`;
            await attempt.try(who.namespaceAdmin, { path: proxied, note: podIP, timeoutMs: 3000 }, notDialled);
          }
        }
        const { connections } = inside;
        attempt.check('-', 'pods/runner/proxy', 'no connection to loopback', connections + plain.connections === 0, [
          inside.visits,
          plain.visits,
        ]);
      } finally {
        inside.close();
        plain.close();
      }
    },
  },
  {
    area,
    finding: 'a Service leads the server to its own pods alone',
    skip: onLoopback,
    run: async (attempt, { plane, who }) => {
      const outside = await Listener.plain(plane.address);
      try {
        const services = `/api/v1/namespaces/${OWN}/services`;
        const slices = `/apis/discovery.k8s.io/v1/namespaces/${OWN}/endpointslices`;
        const service = {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'lure' },
          spec: { ports: [{ port: 80 }] },
        };
        await attempt.try(who.owner, { method: 'POST', path: services, body: service }, codes(201));
        const targets: [string, object | undefined][] = [
          ['no pod', undefined],
          ['a pod that is not there', { kind: 'Pod', namespace: OWN, name: 'ghost' }],
          ['a pod of another address', { kind: 'Pod', namespace: OWN, name: 'runner' }],
          ['a pod of another namespace', { kind: 'Pod', namespace: VICTIM, name: TARGET }],
          ['a node', { kind: 'Node', name: 'x' }],
        ];
        for (const [note, targetRef] of targets) {
          const slice = {
            apiVersion: 'discovery.k8s.io/v1',
            kind: 'EndpointSlice',
            metadata: { name: 'lure', labels: { 'kubernetes.io/service-name': 'lure' } },
            addressType: 'IPv4',
            endpoints: [{ addresses: [plane.address], targetRef, conditions: { ready: true } }],
            ports: [{ port: outside.port, protocol: 'TCP', name: '' }],
          };
          await attempt.try(who.owner, { method: 'POST', path: slices, body: slice, note }, codes(201));
          for (const name of ['lure', 'lure:80', 'http:lure:80', 'https:lure:80']) {
            const path = `${services}/${name}/proxy/`;
            await attempt.try(who.owner, { path, note, timeoutMs: 3000, serverErrorAllowed: true }, noSecret);
          }
          await plane.json(`${slices}/lure`, { method: 'DELETE' });
        }
        attempt.check(
          who.owner.name,
          'services/lure/proxy',
          'no connection',
          outside.connections === 0,
          outside.visits,
        );
        await plane.json(`${services}/lure`, { method: 'DELETE' });
      } finally {
        outside.close();
      }
    },
  },
  {
    area,
    finding: 'a port that is none is the fault of its sender',
    run: async (attempt, { who }) => {
      const ports = ['abc', '99999', '-1', '0x50', '1e3', '%20', '65536', '__proto__', '80:80'];
      for (const port of ports) {
        for (const path of [
          `/api/v1/nodes/x:${port}/proxy/`,
          `/api/v1/nodes/http:x:${port}/proxy/`,
          `/api/v1/namespaces/${OWN}/pods/runner:${port}/proxy/`,
          `/api/v1/namespaces/${OWN}/services/x:${port}/proxy/`,
        ]) {
          // A Service's port may be a name: then it is one that is not there, and the reference says 503 or 404.
          const named = path.includes('/services/');
          await attempt.try(who.administrator, { path, serverErrorAllowed: named }, named ? noSecret : clientError);
        }
      }
    },
  },
];
