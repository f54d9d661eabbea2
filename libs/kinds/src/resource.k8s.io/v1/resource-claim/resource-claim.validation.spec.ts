import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { deviceClaimRows, devices } from '../testing/device-claim-rows.js';
import { resourceClaimValidator } from './resource-claim.validation.js';

const consumer = (uid: string) => ({ resource: 'pods', name: 'p', uid });
const allocation = () => ({
  devices: { results: [{ request: 'gpu', driver: 'example.com', pool: 'node/1', device: 'gpu-0' }] },
});

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
            'status.reservedFor[1]: Duplicate value: "1"',
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
  },
});
