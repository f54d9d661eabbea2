import assert from 'node:assert/strict';
import { podErrors } from './testing/pod-spec-support.js';

/** The errors are those that the reference gives for the same pod. */
const cases: [what: string, mutate: (object: any) => void, errors: string[]][] = [
  [
    'policies that do not exist',
    (object) => {
      Object.assign(object.spec, { restartPolicy: 'Maybe', dnsPolicy: 'Mine', preemptionPolicy: 'Always' });
    },
    [
      'spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
      'spec.dnsPolicy: Unsupported value: "Mine": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      'spec.preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"',
    ],
  ],
  [
    'names of others',
    (object) => {
      Object.assign(object.spec, {
        serviceAccountName: 'A',
        serviceAccount: 'A',
        nodeName: 'N',
        priorityClassName: 'P',
        runtimeClassName: '',
      });
    },
    [
      "spec.serviceAccountName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.nodeName: Invalid value: \"N\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.priorityClassName: Invalid value: \"P\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.runtimeClassName: Invalid value: \"\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [
    'two accounts',
    (object) => {
      Object.assign(object.spec, { serviceAccountName: 'a', serviceAccount: 'b' });
    },
    [],
  ],
  [
    'deadlines',
    (object) => {
      Object.assign(object.spec, { activeDeadlineSeconds: 0, terminationGracePeriodSeconds: -1 });
    },
    ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
  ],
  [
    'host names',
    (object) => {
      Object.assign(object.spec, {
        hostname: 'a.b',
        subdomain: 'A',
        hostNetwork: false,
        hostnameOverride: 'A'.repeat(65),
        setHostnameAsFQDN: true,
      });
    },
    [
      'spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true',
      'spec.hostnameOverride: Too long: may not be more than 64 bytes',
      "spec.hostnameOverride: Invalid value: \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.hostname: Invalid value: "a.b": must not contain dots',
      "spec.subdomain: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  ],
  [
    'no nameserver',
    (object) => {
      object.spec.dnsPolicy = 'None';
    },
    ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
  ],
  [
    'an empty list of nameservers',
    (object) => {
      Object.assign(object.spec, { dnsPolicy: 'None', dnsConfig: {} });
    },
    ['spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None'],
  ],
  [
    'DNS settings',
    (object) => {
      object.spec.dnsConfig = {
        nameservers: ['1.2.3.4', 'x', '::ffff:1.2.3.4', '010.1.1.1'],
        searches: ['a_b.c', 'A', '.'],
        options: [{}],
      };
    },
    [
      'spec.dnsConfig.nameservers: Invalid value: ["1.2.3.4","x","::ffff:1.2.3.4","010.1.1.1"]: must not have more than 3 nameservers',
      'spec.dnsConfig.nameservers[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'spec.dnsConfig.nameservers[2]: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address',
      'spec.dnsConfig.nameservers[3]: Invalid value: "010.1.1.1": must not have leading 0s',
      "spec.dnsConfig.searches[1]: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')",
      'spec.dnsConfig.options[0]: Required value: must not be empty',
    ],
  ],
  [
    'lines of /etc/hosts',
    (object) => {
      object.spec.hostAliases = [{ ip: 'x', hostnames: ['A'] }];
    },
    [
      'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      "spec.hostAliases[0].hostnames[0]: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
];

describe('The rest of a pod is refused for', () => {
  for (const [what, mutate, errors] of cases) it(what, () => assert.deepEqual(podErrors(mutate), errors));
});
