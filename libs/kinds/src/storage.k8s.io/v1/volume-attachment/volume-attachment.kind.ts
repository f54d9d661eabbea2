import { age, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { nothing } from '../../../defaults/setters.js';
import { volumeAttachmentValidator } from './volume-attachment.validation.js';

const cells: Cells = (object, now) => [
  nameOf(object),
  object.spec.attacher,
  object.spec.source?.persistentVolumeName ?? '',
  object.spec.nodeName,
  object.status?.attached ?? false,
  age(object, now),
];

export const volumeAttachmentKind: KindModule = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  validator: volumeAttachmentValidator,
  // The volume sources have type defaults.
  defaults: { 'spec.source.inlineVolumeSpec': nothing },
  cells,
  deletion: { returnsObject: true },
  statusEndpointWrites: 'status',
};
