import assert from 'node:assert/strict';
import { allResources } from '../built-in/resources.js';
import { fromStorage } from '../testing/conversions.js';
import { given, now, resource } from '../testing/spec-support.js';

function row(path: string, body: Record<string, unknown>): unknown[] {
  return resource(path).cells(given(path, body), now);
}

describe('table rows', () => {
  it('fit the columns of every kind', () => {
    for (const item of allResources()) {
      const path = `${item.group ? `${item.group}/` : ''}${item.version}/${item.plural}`;
      const cells = row(path, {});
      // Three cells for two columns is what the reference sends for IPAddress.
      assert.equal(cells.length, item.kind === 'IPAddress' ? 3 : item.columns.length, path);
      assert.ok(!cells.includes(undefined), path);
    }
  });

  it('use the generic columns for kinds that declare none', () => {
    const columns = resource('storage.k8s.io/v1/csistoragecapacities').columns;
    assert.deepEqual(
      columns.map(({ name, type }) => [name, type]),
      [
        ['Name', 'string'],
        ['Created At', 'date'],
      ],
    );
  });

  it('of a node without facts', () => {
    assert.deepEqual(row('v1/nodes', { spec: {} }), [
      ...['it', 'Unknown', '<none>', '60m', '', '<none>', '<none>', '<unknown>', '<unknown>', '<unknown>'],
    ]);
  });

  it('of a node', () => {
    const cells = row('v1/nodes', {
      metadata: { labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.2' }],
        nodeInfo: {
          kubeletVersion: 'v1.37.0',
          osImage: 'Debian',
          kernelVersion: '6.1',
          architecture: 'amd64',
          containerRuntimeVersion: 'containerd://1.7',
        },
      },
    });
    assert.deepEqual(cells, [
      'it',
      'Ready,SchedulingDisabled',
      'control-plane,worker',
      '60m',
      'v1.37.0',
      '10.0.0.2',
      '<none>',
      'Debian',
      '6.1 (amd64)',
      'containerd://1.7',
    ]);
  });

  it('of services', () => {
    const ports = [
      { port: 80, nodePort: 30080 },
      { port: 443, protocol: 'UDP' },
    ];
    assert.deepEqual(
      row('v1/services', {
        spec: { type: 'NodePort', clusterIPs: ['10.96.0.5'], ports, selector: { b: '2', a: '1' } },
      }),
      ['it', 'NodePort', '10.96.0.5', '<none>', '80:30080/TCP,443/UDP', '60m', 'a=1,b=2'],
    );
    assert.equal(row('v1/services', { spec: { type: 'LoadBalancer' } })[3], '<pending>');
    const balanced = {
      spec: { type: 'LoadBalancer', externalIPs: ['9.9.9.9'] },
      status: { loadBalancer: { ingress: [{ ip: '2.2.2.2' }, { hostname: 'a.b' }] } },
    };
    assert.equal(row('v1/services', balanced)[3], '2.2.2.2,a.b,9.9.9.9');
    assert.equal(row('v1/services', { spec: { type: 'ExternalName', externalName: 'x.y' } })[3], 'x.y');
  });

  it('of workloads', () => {
    const spec = {
      replicas: 3,
      selector: { matchLabels: { app: 'x' } },
      template: {
        spec: {
          containers: [
            { name: 'a', image: 'i:1' },
            { name: 'b', image: 'j:2' },
          ],
        },
      },
    };
    const status = { readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2, replicas: 3 };
    assert.deepEqual(row('apps/v1/deployments', { spec, status }), [
      'it',
      '2/3',
      1,
      2,
      '60m',
      'a,b',
      'i:1,j:2',
      'app=x',
    ]);
    assert.deepEqual(row('apps/v1/replicasets', { spec, status }), ['it', 3, 3, 2, '60m', 'a,b', 'i:1,j:2', 'app=x']);
    assert.deepEqual(
      row('batch/v1/jobs', { status: { startTime: '2026-01-02T03:03:05Z', succeeded: 1 } }).slice(0, 5),
      ['it', 'Running', '1/1', '60s', '60m'],
    );
  });

  it('of endpoints and slices', () => {
    const addresses = ['1', '2', '3', '4'].map((n) => ({ ip: `10.0.0.${n}` }));
    assert.equal(
      row('v1/endpoints', { subsets: [{ addresses, ports: [{ port: 80 }] }] })[1],
      '10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...',
    );
    assert.equal(row('v1/endpoints', {})[1], '<none>');
    assert.deepEqual(
      row('discovery.k8s.io/v1/endpointslices', {
        addressType: 'IPv4',
        ports: [{ port: 80 }, { name: 'x' }],
        endpoints: [],
      }).slice(1, 4),
      ['IPv4', '80,x', '<unset>'],
    );
  });

  it('of both versions of an event are the same', () => {
    const core = {
      involvedObject: { kind: 'Pod', name: 'p' },
      type: 'Normal',
      reason: 'Started',
      message: ' hi ',
      count: 3,
      firstTimestamp: '2026-01-02T03:00:05Z',
      lastTimestamp: '2026-01-02T03:04:00Z',
      source: { component: 'kubelet', host: 'n' },
    };
    const cells = row('v1/events', core);
    assert.deepEqual(cells, ['5s', 'Normal', 'Started', 'pod/p', '', 'kubelet, n', 'hi', '4m', 3, 'it']);
    const event = resource('events.k8s.io/v1/events');
    assert.deepEqual(event.cells(fromStorage(event, given('v1/events', core)), now), cells);
  });
});
