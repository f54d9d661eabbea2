import {
  aggregateMessages,
  FieldPath,
  field,
  fieldErrorText,
  forbidden,
  type KubeObject,
  unclassified,
} from '#apimachinery';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { targets } from '../rejection.js';

const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Every pod asks the registry for its images, so that none runs an image of another whose secrets it does not have. */
export class AlwaysPullImages implements AdmissionPlugin {
  readonly name = 'AlwaysPullImages';

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'pods', ['CREATE', 'UPDATE']);
  }

  admit(request: AdmissionRequest): void {
    if (usesNoNewImage(request)) return;
    for (const [, container] of containersOf(request.object!)) container.imagePullPolicy = 'Always';
    for (const volume of request.object!['spec'].volumes ?? []) if (volume.image) volume.image.pullPolicy = 'Always';
  }

  validate(request: AdmissionRequest): void {
    if (usesNoNewImage(request)) return;
    const spec = FieldPath.of('spec');
    const errors = containersOf(request.object!)
      .filter(([, { imagePullPolicy }]) => imagePullPolicy !== 'Always')
      .map(([path, { imagePullPolicy }]) =>
        field.notSupported(path.child('imagePullPolicy'), imagePullPolicy, ['Always']),
      );
    for (const [i, { image }] of (request.object!['spec'].volumes ?? []).entries()) {
      if (!image || image.pullPolicy === 'Always') continue;
      errors.push(
        field.notSupported(spec.child('volumes').index(i).child('image', 'pullPolicy'), image.pullPolicy, ['Always']),
      );
    }
    if (errors.length === 0) return;
    const { resource, object } = request;
    const refusals = errors.map((error) => forbidden(resource, object!.metadata.name ?? '', fieldErrorText(error)));
    // The reference answers with a list of refusals, which is none itself.
    throw unclassified(aggregateMessages(refusals.map(({ message }) => message)));
  }
}

function containersOf({ spec }: KubeObject): [FieldPath, any][] {
  return LISTS.flatMap((list) =>
    (spec[list] ?? []).map((container: any, i: number) => [FieldPath.of('spec', list).index(i), container] as const),
  );
}

function usesNoNewImage({ operation, object, oldObject }: AdmissionRequest): boolean {
  if (operation !== 'UPDATE') return false;
  const before = new Set(containersOf(oldObject!).map(([, { image }]) => image));
  return containersOf(object!).every(([, { image }]) => before.has(image));
}
