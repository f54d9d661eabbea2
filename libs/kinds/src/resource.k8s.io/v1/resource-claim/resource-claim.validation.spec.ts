import assert from 'node:assert/strict';
import { describeRules } from '../../../testing/rule-table.js';
import { updated, words } from '../../../testing/spec-support.js';
import { deviceClaimRows, devices } from '../testing/device-claim-rows.js';
import { resourceClaimValidator } from './resource-claim.validation.js';

const consumer = (uid: string) => ({ resource: 'pods', name: 'p', uid });
const allocation = () => ({
  devices: { results: [{ request: 'gpu', driver: 'example.com', pool: 'node/1', device: 'gpu-0' }] },
});
const share = '6b4e9c1a-0a3e-4c53-9d0f-3f2a6c5d7e81';
const report = () => ({
  driver: 'example.com',
  pool: 'node/1',
  device: 'gpu-0',
  conditions: [] as object[],
  data: { a: 1 } as unknown,
  networkData: {
    interfaceName: 'eth1',
    hardwareAddress: '00:00:5e:00:53:01',
    ips: ['10.9.8.7/24', '2001:db8::1/64'],
  } as object,
});
const reported = (...devices: object[]) => ({ allocation: allocation(), devices });
const caseless =
  "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'Example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const addressForm = 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)';
const conditionReason =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";

describeRules({
  path: 'resource.k8s.io/v1/resourceclaims',
  validator: resourceClaimValidator,
  valid: { spec: { devices: devices() } },
  rows: {
    ...deviceClaimRows('spec.devices', ({ spec }) => spec.devices),
    'immutable: spec': [
      {
        update: ({ spec }) => (spec.devices.requests = []),
        errors: ['spec: Invalid value: null: field is immutable'],
      },
    ],
    'status.reservedFor: at most 256 unique consumers, only with an allocation, none added once the claim is being deleted':
      [
        {
          endpoint: 'status',
          update: (claim) => (claim.status = { reservedFor: [consumer('1'), consumer('1'), {}] }),
          errors: [
            'status.reservedFor[2].resource: Required value',
            'status.reservedFor[2].name: Required value',
            'status.reservedFor[2].uid: Required value',
            'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
            'status.reservedFor[1]: Duplicate value: {"resource":"pods","name":"p","uid":"1"}',
          ],
        },
        {
          endpoint: 'status',
          stored: (claim) => {
            claim.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
            claim.metadata.finalizers = ['a/b'];
            claim.status = { allocation: allocation(), reservedFor: [consumer('1')] };
          },
          update: ({ status }) => status.reservedFor.push(consumer('2')),
          errors: [
            'status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
          ],
        },
      ],
    'status.allocation: devices for requests of the claim, by driver, pool and name; only cleared once set': [
      { endpoint: 'status', update: (claim) => (claim.status = { allocation: allocation() }), errors: [] },
      {
        endpoint: 'status',
        update: (claim) => {
          claim.status = { allocation: allocation() };
          claim.status.allocation.devices.results[0] = { request: 'gpu', driver: '', pool: '', device: 'A' };
        },
        errors: [
          `status.allocation.devices.results[0].device: Invalid value: "A": ${words.label}`,
          'status.allocation.devices.results[0].driver: Required value',
          'status.allocation.devices.results[0].pool: Required value',
        ],
      },
      {
        endpoint: 'status',
        update: (claim) => {
          claim.status = { allocation: allocation() };
          Object.assign(claim.status.allocation.devices.results[0], { driver: 'é'.repeat(40), pool: 'a//B' });
        },
        errors: [
          'status.allocation.devices.results[0].driver: Too long: may not be more than 63 bytes',
          `status.allocation.devices.results[0].driver: Invalid value: "${'é'.repeat(40)}": ${caseless}`,
          'status.allocation.devices.results[0].pool: Invalid value: "a//B": segment 1: must not be empty',
          `status.allocation.devices.results[0].pool: Invalid value: "B": segment 2: ${words.subdomain}`,
        ],
      },
      {
        endpoint: 'status',
        stored: (claim) => (claim.status = { allocation: allocation() }),
        update: ({ status }) => (status.allocation.devices.results[0].device = 'gpu-1'),
        errors: ['status.allocation: Invalid value: null: field cannot be modified once set'],
      },
      {
        endpoint: 'status',
        stored: (claim) => (claim.status = { allocation: allocation() }),
        update: (claim) => (claim.status = {}),
        errors: [],
      },
    ],
    'status.allocation: binding conditions, tolerations and the UUID of a share': [
      {
        endpoint: 'status',
        update: (claim) => {
          claim.status = { allocation: allocation() };
          Object.assign(claim.status.allocation.devices.results[0], {
            bindingConditions: ['a'],
            tolerations: [{ key: '-', operator: 'Exists' }],
            shareID: 'A',
          });
        },
        errors: [
          'status.allocation.devices.results[0].bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions',
          `status.allocation.devices.results[0].tolerations[0].key: Invalid value: "-": ${words.namePart}`,
          'status.allocation.devices.results[0].shareID: Invalid value: "A": must be a lowercase UUID in 8-4-4-4-12 format',
        ],
      },
    ],
    'status.devices: each allocated device once, with at most 8 conditions, data that is a JSON object of at most 10240 bytes, and networkData':
      [
        { endpoint: 'status', update: (claim) => (claim.status = reported(report())), errors: [] },
        {
          endpoint: 'status',
          update: (claim) => (claim.status = { devices: [{ driver: '', pool: '', device: 'A', shareID: 'B' }] }),
          errors: [
            'status.devices[0].driver: Required value',
            'status.devices[0].pool: Required value',
            `status.devices[0].device: Invalid value: "A": ${words.label}`,
            'status.devices[0]: Invalid value: {"Driver":"","Pool":"","Device":"A","ShareID":"B"}: must be an allocated device in the claim',
            'status.devices[0].shareID: Invalid value: "B": must be a lowercase UUID in 8-4-4-4-12 format',
          ],
        },
        {
          endpoint: 'status',
          update: (claim) => (claim.status = reported({ ...report(), shareID: share })),
          errors: [
            `status.devices[0]: Invalid value: {"Driver":"example.com","Pool":"node/1","Device":"gpu-0","ShareID":"${share}"}: must be an allocated device in the claim`,
          ],
        },
        {
          endpoint: 'status',
          update: (claim) => (claim.status = reported(...[1, 2].map(() => ({ ...report(), data: undefined })))),
          errors: [
            'status.devices[1]: Duplicate value: {"driver":"example.com","pool":"node/1","device":"gpu-0","conditions":[],"networkData":{"interfaceName":"eth1","ips":["10.9.8.7/24","2001:db8::1/64"],"hardwareAddress":"00:00:5e:00:53:01"}}',
          ],
        },
        {
          endpoint: 'status',
          update: (claim) => {
            const condition = { status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'R', message: '' };
            const conditions = Array.from({ length: 9 }, (_, index) => ({ ...condition, type: `T${index}` }));
            conditions[8]!.reason = '-';
            claim.status = reported({ ...report(), conditions, data: [] });
          },
          errors: [
            'status.devices[0].conditions: Too many: 9: must have at most 8 items',
            `status.devices[0].conditions[8].reason: Invalid value: "-": ${conditionReason}`,
            'status.devices[0].data: Invalid value: "<value omitted>": must be a valid JSON object',
          ],
        },
        {
          endpoint: 'status',
          update: (claim) => {
            const networkData = {
              interfaceName: 'a'.repeat(257),
              hardwareAddress: 'a'.repeat(129),
              ips: ['10.9.8.7', '010.9.8.7/24', '::ffff:10.9.8.7/120', '2001:DB8::1/64', '10.9.8.7/33', 'b', 'b'],
            };
            claim.status = reported({ ...report(), data: { a: 'x'.repeat(10_240) }, networkData });
          },
          errors: [
            'status.devices[0].data: Too long: may not be more than 10240 bytes',
            `status.devices[0].networkData.ips[0]: Invalid value: "10.9.8.7": ${addressForm}`,
            'status.devices[0].networkData.ips[1]: Invalid value: "010.9.8.7/24": must be in canonical form ("10.9.8.7/24")',
            'status.devices[0].networkData.ips[2]: Invalid value: "::ffff:10.9.8.7/120": must be in canonical form ("10.9.8.7/24")',
            'status.devices[0].networkData.ips[3]: Invalid value: "2001:DB8::1/64": must be in canonical form ("2001:db8::1/64")',
            `status.devices[0].networkData.ips[4]: Invalid value: "10.9.8.7/33": ${addressForm}`,
            `status.devices[0].networkData.ips[5]: Invalid value: "b": ${addressForm}`,
            `status.devices[0].networkData.ips[6]: Invalid value: "b": ${addressForm}`,
            'status.devices[0].networkData.interfaceName: Too long: may not be more than 256 bytes',
            'status.devices[0].networkData.hardwareAddress: Too long: may not be more than 128 bytes',
            'status.devices[0].networkData.ips[6]: Duplicate value: "b"',
          ],
        },
        {
          endpoint: 'status',
          update: (claim) => (claim.status = reported({ ...report(), networkData: { ips: Array(17).fill('b') } })),
          errors: ['status.devices[0].networkData.ips: Too many: 17: must have at most 16 items'],
        },
      ],
  },
});

describe('reports about devices of a claim', () => {
  const path = 'resource.k8s.io/v1/resourceclaims';
  const spec = { devices: devices() };

  it('go with the allocation, without an error for the writer who took only that away', () => {
    const { object, errors } = updated(
      path,
      { spec },
      ({ status }) => delete status.allocation,
      'status',
      (claim) => (claim.status = reported(report())),
    );
    assert.deepEqual([object.status.devices, errors], [undefined, []]);
  });

  it('stay while the device is allocated', () => {
    const { object } = updated(
      path,
      { spec },
      () => {},
      'status',
      (claim) => (claim.status = reported(report())),
    );
    assert.deepEqual(object.status.devices, [report()]);
  });
});
