import assert from 'node:assert/strict';
import { first, podErrors } from './testing/pod-spec-support.js';

/** The errors are those that the reference gives for the same pod. */
const cases: [what: string, mutate: (object: any) => void, errors: string[]][] = [
  [
    'names that are none',
    (object) => {
      first(object).resources = {
        limits: { 'a b': '1', gpu: '1', pods: '1', 'kubernetes.io/x': '1', 'requests.a/b': '1' },
      };
    },
    [
      "spec.containers[0].resources.limits[a b]: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.containers[0].resources.limits[a b]: Invalid value: "a b": must be a standard resource for containers',
      'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
      'spec.containers[0].resources.limits[pods]: Invalid value: "pods": must be a standard resource for containers',
      'spec.containers[0].resources.limits[requests.a/b]: Invalid value: "requests.a/b": doesn\'t follow extended resource name standard',
      "spec.containers[0].resources.requests[a b]: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.containers[0].resources.requests[a b]: Invalid value: "a b": must be a standard resource for containers',
      'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
      'spec.containers[0].resources.requests[pods]: Invalid value: "pods": must be a standard resource for containers',
      'spec.containers[0].resources.requests[requests.a/b]: Invalid value: "requests.a/b": doesn\'t follow extended resource name standard',
    ],
  ],
  [
    'a request above its limit',
    (object) => {
      first(object).resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '2', memory: '2Gi' } };
    },
    [
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      'spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
    ],
  ],
  [
    'a negative amount',
    (object) => {
      first(object).resources = { limits: { cpu: '-1' } };
    },
    [
      'spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
  [
    'half a device',
    (object) => {
      first(object).resources = { limits: { 'example.com/gpu': '500m' }, requests: { 'example.com/gpu': '500m' } };
    },
    [
      'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer',
      'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
    ],
  ],
  [
    'a device requested without limit',
    (object) => {
      first(object).resources = { requests: { 'example.com/gpu': '1' } };
    },
    ['spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources'],
  ],
  [
    'a device with less than its limit',
    (object) => {
      first(object).resources = { limits: { 'example.com/gpu': '2' }, requests: { 'example.com/gpu': '1' } };
    },
    ['spec.containers[0].resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2'],
  ],
  [
    'huge pages alone, and not whole',
    (object) => {
      first(object).resources = { limits: { 'hugepages-2Mi': '3Mi' }, requests: { 'hugepages-2Mi': '3Mi' } };
    },
    [
      'spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
      'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
      'spec.containers[0].resources: Forbidden: HugePages require cpu or memory',
    ],
  ],
  [
    'claims that the pod lacks',
    (object) => {
      first(object).resources = { claims: [{ name: 'a' }, { name: '' }, { name: 'a' }] };
    },
    [
      'spec.containers[0].resources.claims[0]: Not found: "a": must be one of the names in pod.spec.resourceClaims which is empty',
      'spec.containers[0].resources.claims[1]: Required value',
      'spec.containers[0].resources.claims[2]: Duplicate value: "a"',
      'spec.containers[0].resources.claims[2]: Not found: "a": must be one of the names in pod.spec.resourceClaims which is empty',
    ],
  ],
  [
    'claims of the pod',
    (object) => {
      object.spec.resourceClaims = [
        { name: 'A', resourceClaimName: 'x', resourceClaimTemplateName: 'y' },
        { name: 'b' },
        { name: 'b', resourceClaimName: 'X' },
        { name: 'c', resourceClaimName: 'c' },
      ];
      first(object).resources = { claims: [{ name: 'c', request: 'R' }, { name: 'z' }] };
    },
    [
      "spec.resourceClaims[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.resourceClaims[0]: Invalid value: {"Name":"A","ResourceClaimName":"x","ResourceClaimTemplateName":"y"}: at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
      'spec.resourceClaims[1]: Invalid value: {"Name":"b","ResourceClaimName":null,"ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
      'spec.resourceClaims[2].name: Duplicate value: "b"',
      "spec.resourceClaims[2].resourceClaimName: Invalid value: \"X\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.containers[0].resources.claims[0].request: Invalid value: \"R\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.containers[0].resources.claims[1]: Not found: "z": must be one of the names in pod.spec.resourceClaims: A, b, c',
    ],
  ],
  [
    'resources of the whole pod',
    (object) => {
      object.spec.resources = { limits: { cpu: '1', 'ephemeral-storage': '1' }, requests: { cpu: '500m' } };
      first(object).resources = { limits: { cpu: '2' }, requests: { cpu: '1' } };
    },
    [
      'spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
      'spec.resources.requests[cpu]: Invalid value: "500m": must be greater than or equal to aggregate container requests of 1',
      'spec.resources.containers[0][cpu].limits: Invalid value: "2": must be less than or equal to pod limits of 1',
    ],
  ],
  [
    'the cost of a sandbox',
    (object) => {
      object.spec.overhead = { gpu: '1', cpu: '-1' };
    },
    [
      'spec.overhead.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
      'spec.overhead.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
      'spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
];

describe('Resources of a pod is refused for', () => {
  for (const [what, mutate, errors] of cases) it(what, () => assert.deepEqual(podErrors(mutate), errors));
});
