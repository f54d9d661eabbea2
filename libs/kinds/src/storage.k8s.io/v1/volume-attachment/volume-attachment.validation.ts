import { isDNS1123Subdomain, isDNS1123SubdomainCaseless, rangeMessage } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkInlineVolume } from '../../../core/v1/persistent-volume/persistent-volume.validation.js';
import type { VolumeAttachment, VolumeAttachmentSource, VolumeError } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

const MAX_ATTACHER_LENGTH = 63;
const MAX_METADATA_BYTES = 256 * 1024;
const MAX_MESSAGE_BYTES = 1024;
const MAX_CODE = 2 ** 31 - 1;
const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

export const volumeAttachmentValidator: KindValidator = {
  rules: [
    'attacher is required, a DNS name of at most 63 characters',
    'source: exactly one of persistentVolumeName and inlineVolumeSpec',
    'inlineVolumeSpec is of a CSI driver, and has nothing that binds it to a claim',
    'nodeName is a name',
    'status: attachmentMetadata has at most 262144 bytes',
    'status: messages of errors have at most 1024 bytes, codes are not negative',
    'immutable: spec',
  ],
  validateCreate(attachment: VolumeAttachment) {
    const at = new FieldCursor('spec');
    at.declared(() => checkAttacher(at, attachment.spec.attacher));
    check(at, attachment);
    return at.all();
  },
  validateUpdate(attachment: VolumeAttachment, old: VolumeAttachment) {
    const at = new FieldCursor('spec');
    at.declaredImmutable('', attachment.spec, old.spec);
    check(at, attachment);
    return at.all();
  },
};

function checkAttacher(at: FieldCursor, attacher: string | undefined): void {
  if (!attacher) {
    at.required('attacher');
    return;
  }
  at.format('attacher', attacher, isDNS1123SubdomainCaseless);
  if ([...attacher].length > MAX_ATTACHER_LENGTH) at.tooLongCharacters('attacher', MAX_ATTACHER_LENGTH);
}

function check(at: FieldCursor, { spec, status }: VolumeAttachment): void {
  const source = spec.source ?? {};
  at.within('source', () => checkSource(at, source));
  at.format('nodeName', spec.nodeName ?? '', isDNS1123Subdomain);
  at.leave();
  at.within('status', () => {
    let bytes = 0;
    for (const [key, value] of Object.entries(status?.attachmentMetadata ?? {})) {
      bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    }
    if (bytes > MAX_METADATA_BYTES) at.tooLong('attachmentMetadata', MAX_METADATA_BYTES);
    checkError(at, 'attachError', status?.attachError);
    checkError(at, 'detachError', status?.detachError);
  });
  const name = source.persistentVolumeName;
  if (name !== undefined) at.format('spec.source.persistentVolumeName', name, isDNS1123Subdomain);
}

function checkSource(
  at: FieldCursor,
  { persistentVolumeName: name, inlineVolumeSpec: inline }: VolumeAttachmentSource,
) {
  if (name === undefined && inline === undefined) at.required('', exactlyOne);
  else if (name !== undefined && inline !== undefined) at.forbidden('', exactlyOne);
  else if (name === '') at.required('persistentVolumeName', 'must specify non empty persistentVolumeName');
  else if (inline !== undefined) at.within('inlineVolumeSpec', () => checkInlineVolume(at, inline));
}

function checkError(at: FieldCursor, name: string, error: VolumeError | undefined): void {
  if (error === undefined) return;
  const { message = '', errorCode: code } = error;
  if (Buffer.byteLength(message) > MAX_MESSAGE_BYTES) at.tooLong(`${name}.message`, MAX_MESSAGE_BYTES);
  if (code !== undefined && code < 0) at.invalid(`${name}.errorCode`, code, rangeMessage(0, MAX_CODE));
}
