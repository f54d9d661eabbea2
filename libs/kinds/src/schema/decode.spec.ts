import assert from 'node:assert/strict';
import { DecodeError, decodeAs, zeroOf } from './decode.js';
import { structType } from './type-graph.js';

const pod = 'io.k8s.api.core.v1.Pod';

function spec(body: object): any {
  return decodeAs(pod, { spec: body }).object.spec;
}

describe('decoding', () => {
  it('visits no more unknown fields than it tells of, and all known ones', () => {
    const others = (from: number) => Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`u${from + i}`, 1]));
    const metadata = { name: 'a', annotations: { a: 'b' } };
    const spec = { nodeName: 'n', ...others(0), hostNetwork: true, containers: [{ x: 1, name: 'c' }] };
    const { object, unknownFields } = decodeAs(pod, { kind: 'Pod', ...others(0), metadata, spec });
    assert.equal(unknownFields.length, 1000);
    assert.equal(object.kind, 'Pod');
    assert.deepEqual(object.metadata, metadata);
    assert.equal(object.spec.nodeName, 'n');
    assert.equal(object.spec.hostNetwork, true);
    assert.deepEqual(Object.keys(object.spec.containers[0]).sort(), ['name', 'resources']);
    assert.ok(!('u1500' in object) && !('u1500' in object.spec));
  });

  it('drops unknown fields and tells their paths', () => {
    const body = {
      spec: { foo: 1, containers: [{ name: 'c', ports: [{ containerPort: 1, x: {} }] }], nodeName: 'n' },
      y: 1,
    };
    const { object, unknownFields } = decodeAs(pod, body);
    assert.deepEqual(unknownFields, ['spec.foo', 'spec.containers[0].ports[0].x', 'y']);
    assert.deepEqual(object.spec, {
      containers: [{ name: 'c', ports: [{ containerPort: 1 }], resources: {} }],
      nodeName: 'n',
    });
  });

  it('leaves out what the encoder omits and fills in what it always writes', () => {
    const { object } = decodeAs(pod, {
      metadata: { name: 'a', labels: {}, annotations: null },
      spec: {
        containers: [{ image: 'i', env: [{ name: 'A', value: '' }], command: [] }],
        hostNetwork: false,
        terminationGracePeriodSeconds: 0,
      },
      status: { conditions: [{ type: 'Ready' }] },
    });
    assert.deepEqual(object, {
      metadata: { name: 'a' },
      spec: {
        containers: [{ image: 'i', env: [{ name: 'A' }], name: '', resources: {} }],
        terminationGracePeriodSeconds: 0,
      },
      status: { conditions: [{ type: 'Ready', status: '', lastProbeTime: null, lastTransitionTime: null }] },
    });
  });

  it('knows fields behind gates that are off, and drops them in silence', () => {
    const { object, unknownFields } = decodeAs(pod, {
      spec: { containers: [], schedulingGroup: { podGroupName: 'g' } },
    });
    assert.deepEqual(unknownFields, []);
    assert.equal('schedulingGroup' in object.spec, false);
  });

  it('brings quantities, times and byte fields to their normal form', () => {
    const limits = { cpu: '0.5', memory: '1024Mi', 'x.io/y': 3, 'ephemeral-storage': '1500u' };
    assert.deepEqual(spec({ containers: [{ resources: { limits } }] }).containers[0].resources.limits, {
      cpu: '500m',
      memory: '1Gi',
      'x.io/y': '3',
      'ephemeral-storage': '2m',
    });
    const lease = decodeAs('io.k8s.api.coordination.v1.Lease', {
      metadata: { creationTimestamp: '2026-01-01T01:00:00.5+01:00' },
      spec: { renewTime: '2026-01-01T00:00:00.1234567Z' },
    }).object;
    assert.equal(lease.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
    assert.equal(lease.spec.renewTime, '2026-01-01T00:00:00.123456Z');
  });

  it('takes integers and strings where both are allowed', () => {
    const service = decodeAs('io.k8s.api.core.v1.Service', {
      spec: { ports: [{ port: 1, targetPort: 'web' }, { port: 2, targetPort: 8080 }, { port: 3 }] },
    }).object;
    assert.deepEqual(
      service.spec.ports.map((port: any) => port.targetPort),
      ['web', 8080, 0],
    );
  });

  it('turns null elements into zero values', () => {
    assert.deepEqual(spec({ containers: [null] }).containers, [{ name: '', resources: {} }]);
    assert.deepEqual(decodeAs(pod, { metadata: { labels: { a: null } } }).object.metadata.labels, { a: '' });
  });

  const mismatches: [body: object, text: string][] = [
    [{ spec: 'x' }, 'json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec'],
    [
      { spec: { containers: {} } },
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      { spec: { containers: [{ ports: [{ containerPort: '80' }] }] } },
      'json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
    ],
    [
      { spec: { containers: [{ ports: [{ containerPort: 1.5 }] }] } },
      'json: cannot unmarshal number 1.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
    ],
    [
      { spec: { containers: [{ imagePullPolicy: true }] } },
      'json: cannot unmarshal bool into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy',
    ],
    [
      { spec: { containers: [{ command: [1] }] } },
      'json: cannot unmarshal number into Go struct field Container.spec.containers.command of type string',
    ],
    [
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      { metadata: { creationTimestamp: 'soon' } },
      'parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"',
    ],
    [
      { spec: { containers: [{ resources: { limits: { cpu: 'much' } } }] } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ];
  for (const [body, text] of mismatches) {
    it(`refuses ${JSON.stringify(body)}`, () => {
      assert.throws(
        () => decodeAs(pod, body),
        (error) => error instanceof DecodeError && error.message === text,
        text,
      );
    });
  }

  it('refuses bad base64', () => {
    assert.throws(() => decodeAs('io.k8s.api.core.v1.Secret', { data: { a: 'YWJ$' } }), {
      message: 'illegal base64 data at input byte 3',
    });
  });

  it('refuses what is nested without end', () => {
    const deep = JSON.parse(`${'{"properties":{"a":'.repeat(50_000)}{}${'}}'.repeat(50_000)}`);
    const schema = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
    assert.throws(() => decodeAs(schema, deep), { name: 'DecodeError', message: 'exceeded max depth' });
  });

  it('gives the zero value of a type', () => {
    assert.deepEqual(zeroOf(structType('io.k8s.api.apps.v1.DaemonSetStatus')), {
      currentNumberScheduled: 0,
      desiredNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
    });
  });

  it('keeps keys such as __proto__ out of the prototype', () => {
    const { object } = decodeAs('io.k8s.api.core.v1.ConfigMap', JSON.parse('{"data":{"__proto__":"x","b":null}}'));
    assert.equal(Object.getPrototypeOf(object.data), Object.prototype);
  });
});
