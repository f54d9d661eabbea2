import assert from 'node:assert/strict';
import { first, podErrors } from './testing/pod-spec-support.js';

/** The errors are those that the reference gives for the same pod. */
const cases: [what: string, mutate: (object: any) => void, errors: string[]][] = [
  [
    'no name and no source',
    (object) => {
      object.spec.volumes = [{ name: '' }];
    },
    ['spec.volumes[0].name: Required value'],
  ],
  [
    'a bad name, and one twice',
    (object) => {
      object.spec.volumes = [
        { name: 'A', emptyDir: {} },
        { name: 'b', emptyDir: {} },
        { name: 'b', emptyDir: {} },
      ];
    },
    [
      "spec.volumes[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.volumes[2].name: Duplicate value: "b"',
    ],
  ],
  [
    'two sources',
    (object) => {
      object.spec.volumes = [
        { name: 'a', emptyDir: {}, hostPath: { path: '/x' }, downwardAPI: {}, cephfs: { monitors: ['m'] } },
      ];
    },
    [
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
      'spec.volumes[0].cephFS: Forbidden: may not specify more than 1 volume type',
      'spec.volumes[0].downwarAPI: Forbidden: may not specify more than 1 volume type',
    ],
  ],
  [
    'a negative size',
    (object) => {
      object.spec.volumes = [{ name: 'a', emptyDir: { sizeLimit: '-1' } }];
    },
    ['spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity'],
  ],
  [
    'host paths',
    (object) => {
      object.spec.volumes = [
        { name: 'a', hostPath: { path: '' } },
        { name: 'b', hostPath: { path: '/a/../b', type: 'Pipe' } },
      ];
    },
    [
      'spec.volumes[0].hostPath.path: Required value',
      'spec.volumes[1].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
      'spec.volumes[1].hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
  ],
  [
    'a secret with bad items',
    (object) => {
      object.spec.volumes = [
        {
          name: 'a',
          secret: {
            defaultMode: 1000,
            items: [
              { key: '', path: '' },
              { key: 'k', path: '/abs', mode: -1 },
              { key: 'k', path: '../up' },
              { key: 'k', path: '..x' },
            ],
          },
        },
      ];
    },
    [
      'spec.volumes[0].secret.secretName: Required value',
      'spec.volumes[0].secret.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive',
      'spec.volumes[0].secret.items[0].key: Required value',
      'spec.volumes[0].secret.items[0].path: Required value',
      'spec.volumes[0].secret.items[1].path: Invalid value: "/abs": must be a relative path',
      'spec.volumes[0].secret.items[1].mode: Invalid value: -1: must be a number between 0 and 0777 (octal), both inclusive',
      'spec.volumes[0].secret.items[2].path: Invalid value: "../up": must not contain \'..\'',
      'spec.volumes[0].secret.items[3].path: Invalid value: "..x": must not start with \'..\'',
    ],
  ],
  [
    'a config map without name',
    (object) => {
      object.spec.volumes = [{ name: 'a', configMap: {} }];
    },
    ['spec.volumes[0].configMap.name: Required value'],
  ],
  [
    'fields of the pod as files',
    (object) => {
      object.spec.volumes = [
        {
          name: 'a',
          downwardAPI: {
            items: [
              { path: '' },
              { path: 'a', fieldRef: { fieldPath: 'spec.nodeName' } },
              { path: 'b', resourceFieldRef: { resource: 'limits.cpu' } },
              {
                path: 'c',
                fieldRef: { fieldPath: 'metadata.name' },
                resourceFieldRef: { containerName: 'web', resource: 'limits.cpu' },
              },
            ],
          },
        },
      ];
    },
    [
      'spec.volumes[0].downwardAPI.path: Required value',
      'spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
      'spec.volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: "spec.nodeName": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
      'spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value',
      'spec.volumes[0].downwardAPI: Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously',
    ],
  ],
  [
    'projected sources',
    (object) => {
      object.spec.volumes = [
        {
          name: 'a',
          projected: {
            sources: [
              { secret: { name: '', items: [{ key: 'k', path: 'p' }] } },
              {
                configMap: { name: 'm', items: [{ key: 'k', path: 'p' }] },
                serviceAccountToken: { expirationSeconds: 1, path: '' },
              },
              { serviceAccountToken: { expirationSeconds: 4294967297, path: '/t' } },
            ],
          },
        },
      ];
    },
    [
      'spec.volumes[0].projected.sources[0].secret.name: Required value',
      'spec.volumes[0].projected: Invalid value: "m": conflicting duplicate paths',
      'spec.volumes[0].projected.sources[1].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes',
      'spec.volumes[0].projected.path: Required value',
      'spec.volumes[0].projected.sources[1]: Forbidden: may not specify more than 1 volume type per source',
      'spec.volumes[0].projected.sources[2].serviceAccountToken.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
      'spec.volumes[0].projected.path: Invalid value: "/t": must be a relative path',
      'spec.volumes[0].projected.sources[1].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
      'spec.volumes[0].projected.sources[2].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ],
  ],
  [
    'trust bundles',
    (object) => {
      object.spec.volumes = [
        {
          name: 'a',
          projected: {
            sources: [
              { clusterTrustBundle: { path: 'p' } },
              { clusterTrustBundle: { name: 'A', path: 'q', labelSelector: {} } },
              { clusterTrustBundle: { signerName: 'x', path: '' } },
            ],
          },
        },
      ];
    },
    [
      'spec.volumes[0].projected.sources[0].clusterTrustBundle: Required value: either name or signerName must be specified',
      "spec.volumes[0].projected.sources[1].clusterTrustBundle.name: Invalid value: \"A\": not a valid clustertrustbundlename: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.volumes[0].projected.sources[1].clusterTrustBundle.labelSelector: Invalid value: {}: labelSelector must be unset if name is specified',
      'spec.volumes[0].projected.sources[2].clusterTrustBundle.signerName: Invalid value: "x": must be a fully qualified domain and path of the form \'example.com/signer-name\'',
      'spec.volumes[0].projected.sources[2].clusterTrustBundle.path: Required value',
    ],
  ],
  [
    'certificates',
    (object) => {
      object.spec.volumes = [
        {
          name: 'a',
          projected: {
            sources: [
              { podCertificate: { signerName: 'example.com/a', keyType: 'DSA', maxExpirationSeconds: 10 } },
              { podCertificate: { signerName: 'com/a_b', keyType: 'ED25519', credentialBundlePath: '..x' } },
            ],
          },
        },
      ];
    },
    [
      'spec.volumes[0].projected.sources[0].podCertificate.keyType: Unsupported value: "DSA": supported values: "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"',
      'spec.volumes[0].projected.sources[0].podCertificate.maxExpirationSeconds: Invalid value: 10: if provided, maxExpirationSeconds must be >= 3600',
      'spec.volumes[0].projected.sources[0].podCertificate: Required value: specify at least one of credentialBundlePath, keyPath, and certificateChainPath',
      'spec.volumes[0].projected.sources[1].podCertificate.signerName: Invalid value: "com": should be a domain with at least two segments separated by dots',
      "spec.volumes[0].projected.sources[1].podCertificate.signerName: Invalid value: \"a_b\": validating label \"a_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.volumes[0].projected.sources[1].podCertificate.credentialBundlePath: Invalid value: "..x": must not start with \'..\'',
    ],
  ],
  [
    'claims, files and blocks of the network',
    (object) => {
      object.spec.volumes = [
        { name: 'a', persistentVolumeClaim: { claimName: '' } },
        { name: 'b', nfs: { server: '', path: 'rel' } },
        { name: 'c', csi: { driver: 'A_b', nodePublishSecretRef: { name: '' } } },
        { name: 'd', iscsi: { targetPortal: '', iqn: 'abc', lun: 300 } },
        { name: 'e', fc: {} },
        { name: 'f', rbd: { monitors: [], image: '' } },
      ];
    },
    [
      'spec.volumes[0].persistentVolumeClaim.claimName: Required value',
      'spec.volumes[1].nfs.server: Required value',
      'spec.volumes[1].nfs.path: Invalid value: "rel": must be an absolute path',
      "spec.volumes[2].csi.driver: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.volumes[2].csi.nodePublishSecretRef.name: Required value',
      'spec.volumes[3].iscsi.targetPortal: Required value',
      'spec.volumes[3].iscsi.iqn: Invalid value: "abc": must be valid format starting with iqn, eui, or naa',
      'spec.volumes[3].iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive',
      'spec.volumes[4].fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both',
      'spec.volumes[5].rbd.monitors: Required value',
      'spec.volumes[5].rbd.image: Required value',
    ],
  ],
  [
    'disks of clouds',
    (object) => {
      object.spec.volumes = [
        { name: 'a', gcePersistentDisk: { pdName: '', partition: 300 } },
        { name: 'b', awsElasticBlockStore: { volumeID: '' } },
        { name: 'c', azureDisk: { diskName: '', diskURI: '', kind: 'Odd' } },
        { name: 'd', azureFile: { secretName: '', shareName: '' } },
        { name: 'e', flexVolume: { driver: '', options: { 'a.k8s.io/b': 'c' } } },
        { name: 'f', quobyte: { registry: 'x', volume: '' } },
        { name: 'g', storageos: { volumeName: 'A' } },
        { name: 'h', gitRepo: { repository: '', directory: '/x' } },
      ];
    },
    [
      'spec.volumes[0].persistentDisk.pdName: Required value',
      'spec.volumes[0].persistentDisk.partition: Invalid value: 300: must be between 1 and 255, inclusive',
      'spec.volumes[1].awsElasticBlockStore.volumeID: Required value',
      'spec.volumes[2].azureDisk.diskName: Required value',
      'spec.volumes[2].azureDisk.diskURI: Required value',
      'spec.volumes[2].azureDisk.kind: Unsupported value: "Odd": supported values: "Dedicated", "Managed", "Shared"',
      'spec.volumes[2].azureDisk.diskURI: Unsupported value: "": supported values: "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"',
      'spec.volumes[3].azureFile.secretName: Required value',
      'spec.volumes[3].azureFile.shareName: Required value',
      'spec.volumes[4].flexVolume.driver: Required value',
      'spec.volumes[4].flexVolume.options[a.k8s.io/b]: Invalid value: "a.k8s.io/b": kubernetes.io and k8s.io namespaces are reserved',
      'spec.volumes[5].quobyte.registry: Invalid value: "x": must be a host:port pair or multiple pairs separated by commas',
      'spec.volumes[5].quobyte.volume: Required value',
      "spec.volumes[6].storageos.volumeName: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.volumes[7].gitRepo.repository: Required value',
      'spec.volumes[7].gitRepo.directory: Invalid value: "/x": must be a relative path',
    ],
  ],
  [
    'an image without reference',
    (object) => {
      object.spec.volumes = [{ name: 'a', image: { pullPolicy: 'Often' } }];
    },
    [
      'spec.volumes[0].image.reference: Required value',
      'spec.volumes[0].image.pullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
    ],
  ],
  [
    'claims that come with the pod',
    (object) => {
      object.spec.volumes = [
        { name: 'a', ephemeral: {} },
        {
          name: 'b',
          ephemeral: {
            volumeClaimTemplate: {
              metadata: { name: 'x', labels: { a: 'b c' } },
              spec: { accessModes: ['Often'], resources: {}, volumeMode: 'X' },
            },
          },
        },
        { name: 'c', persistentVolumeClaim: { claimName: 'it-b' } },
      ];
    },
    [
      'spec.volumes[0].ephemeral.volumeClaimTemplate: Required value',
      "spec.volumes[1].ephemeral.volumeClaimTemplate.metadata.labels: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      'spec.volumes[1].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set',
      'spec.volumes[1].ephemeral.volumeClaimTemplate.spec.accessModes: Unsupported value: "Often": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      'spec.volumes[1].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value',
      'spec.volumes[1].ephemeral.volumeClaimTemplate.spec.volumeMode: Unsupported value: "X": supported values: "Block", "Filesystem"',
      'spec.volumes[2].persistentVolumeClaim.claimName: Invalid value: "it-b": must not reference a PVC that gets created for an ephemeral volume',
    ],
  ],
  [
    'mounts of nothing',
    (object) => {
      first(object).volumeMounts = [
        { name: '', mountPath: '' },
        { name: 'gone', mountPath: '/x' },
        { name: 'gone', mountPath: '/x' },
      ];
    },
    [
      'spec.containers[0].volumeMounts[0].name: Required value',
      'spec.containers[0].volumeMounts[0].name: Not found: ""',
      'spec.containers[0].volumeMounts[0].mountPath: Required value',
      'spec.containers[0].volumeMounts[1].name: Not found: "gone"',
      'spec.containers[0].volumeMounts[2].name: Not found: "gone"',
      'spec.containers[0].volumeMounts[2].mountPath: Invalid value: "/x": must be unique',
    ],
  ],
  [
    'sub paths',
    (object) => {
      object.spec.volumes = [{ name: 'v', emptyDir: {} }];
      first(object).volumeMounts = [
        { name: 'v', mountPath: '/a', subPath: '/x' },
        { name: 'v', mountPath: '/b', subPath: 'x', subPathExpr: '../y' },
      ];
    },
    [
      'spec.containers[0].volumeMounts.subPath: Invalid value: "/x": must be a relative path',
      'spec.containers[0].volumeMounts[1].subPathExpr: Invalid value: "../y": subPathExpr and subPath are mutually exclusive',
      'spec.containers[0].volumeMounts.subPathExpr: Invalid value: "../y": must not contain \'..\'',
    ],
  ],
  [
    'propagation and recursion',
    (object) => {
      object.spec.volumes = [{ name: 'v', emptyDir: {} }];
      first(object).volumeMounts = [
        { name: 'v', mountPath: '/a', mountPropagation: 'Bidirectional', recursiveReadOnly: 'Enabled' },
        { name: 'v', mountPath: '/b', mountPropagation: 'X', recursiveReadOnly: 'Y' },
      ];
    },
    [
      'spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
      'spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true',
      'spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified',
      'spec.containers[0].volumeMounts.mountPropagation: Unsupported value: "X": supported values: "Bidirectional", "HostToContainer", "None"',
      'spec.containers[0].volumeMounts.recursiveReadOnly: Unsupported value: "Y": supported values: "Disabled", "Enabled", "IfPossible"',
    ],
  ],
  [
    'devices',
    (object) => {
      object.spec.volumes = [
        { name: 'v', emptyDir: {} },
        { name: 'p', persistentVolumeClaim: { claimName: 'c' } },
      ];
      first(object).volumeMounts = [{ name: 'p', mountPath: '/dev/b' }];
      first(object).volumeDevices = [
        { name: 'v', devicePath: '/dev/a' },
        { name: 'p', devicePath: '/dev/b' },
        { name: 'p', devicePath: '/dev/../c' },
        { name: 'gone', devicePath: '' },
      ];
    },
    [
      'spec.containers[0].volumeMounts[0].name: Invalid value: "p": must not already exist in volumeDevices',
      'spec.containers[0].volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      'spec.containers[0].volumeDevices[1].name: Invalid value: "p": must not already exist in volumeMounts',
      'spec.containers[0].volumeDevices[1].devicePath: Invalid value: "/dev/b": must not already exist as a path in volumeMounts',
      'spec.containers[0].volumeDevices[2].name: Invalid value: "p": must be unique',
      'spec.containers[0].volumeDevices[2].devicePath: Invalid value: "/dev/../c": can not contain backsteps (\'..\')',
      'spec.containers[0].volumeDevices[2].name: Invalid value: "p": must not already exist in volumeMounts',
      'spec.containers[0].volumeDevices[3].name: Not found: "gone"',
      'spec.containers[0].volumeDevices[3].devicePath: Required value',
    ],
  ],
  [
    'a token of no account',
    (object) => {
      object.spec.serviceAccountName = object.spec.serviceAccount = '';
      object.spec.volumes = [{ name: 'a', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }];
    },
    [
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ],
  ],
];

describe('Volumes of a pod is refused for', () => {
  for (const [what, mutate, errors] of cases) it(what, () => assert.deepEqual(podErrors(mutate), errors));
});
