import type { Samples } from './samples.js';

/** Volumes and devices. */

const devices = {
  requests: [
    { name: 'gpu', exactly: { deviceClassName: 'gpu.example.com', selectors: [{ cel: { expression: 'true' } }] } },
    { name: 'any', firstAvailable: [{ name: 'big', deviceClassName: 'big.example.com' }] },
  ],
  constraints: [{ requests: ['gpu', 'any/big'], matchAttribute: 'example.com/numa' }],
  config: [{ requests: ['gpu'], opaque: { driver: 'example.com', parameters: { a: 1 } } }],
};

export const storageSamples: Samples = {
  'v1/PersistentVolumeClaim': () => ({
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fuzz', resources: { requests: { storage: '1Gi' } } },
  }),
  'v1/PersistentVolume': () => ({
    spec: {
      ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'fuzz' },
      csi: { driver: 'disk.example.com', volumeHandle: 'h', volumeAttributes: { a: 'b' } },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }] },
      },
    },
  }),
  'storage.k8s.io/v1/CSIDriver': () => ({
    spec: { attachRequired: true, tokenRequests: [{ audience: 'a', expirationSeconds: 3600 }], fsGroupPolicy: 'File' },
  }),
  'storage.k8s.io/v1/CSINode': () => ({
    spec: { drivers: [{ name: 'disk.example.com', nodeID: 'n', topologyKeys: ['zone'], allocatable: { count: 3 } }] },
  }),
  'storage.k8s.io/v1/CSIStorageCapacity': () => ({
    ...{ storageClassName: 'fast', nodeTopology: { matchLabels: { zone: 'a' } }, capacity: '1Gi' },
  }),
  'storage.k8s.io/v1/StorageClass': () => ({
    ...{ provisioner: 'example.com/p', parameters: { a: 'b' }, volumeBindingMode: 'WaitForFirstConsumer' },
    allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['a'] }] }],
  }),
  'storage.k8s.io/v1/VolumeAttachment': () => ({
    spec: { attacher: 'disk.example.com', nodeName: 'n', source: { persistentVolumeName: 'pv' } },
  }),
  'storage.k8s.io/v1/VolumeAttributesClass': () => ({ driverName: 'disk.example.com', parameters: { iops: '3' } }),
  'resource.k8s.io/v1/DeviceClass': () => ({
    spec: {
      selectors: [{ cel: { expression: "device.driver == 'example.com'" } }],
      config: [{ opaque: { driver: 'example.com', parameters: { a: 1 } } }],
      extendedResourceName: 'example.com/gpu',
    },
  }),
  'resource.k8s.io/v1/DeviceTaintRule': () => ({
    spec: {
      deviceSelector: { driver: 'example.com', pool: 'a/b', device: 'gpu-0' },
      taint: { key: 'example.com/broken', value: 'yes', effect: 'NoExecute' },
    },
  }),
  'resource.k8s.io/v1/ResourceClaim': () => ({ spec: { devices } }),
  'resource.k8s.io/v1/ResourceClaimTemplate': () => ({ spec: { metadata: { labels: { a: 'b' } }, spec: { devices } } }),
  'resource.k8s.io/v1/ResourceSlice': () => ({
    spec: {
      ...{ driver: 'example.com', nodeName: 'n', pool: { name: 'n', generation: 1, resourceSliceCount: 1 } },
      devices: [{ name: 'gpu-0', attributes: { model: { string: 'm' } }, capacity: { memory: { value: '1Gi' } } }],
    },
  }),
};
