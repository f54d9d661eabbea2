import { newestDefault } from '#kinds';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { targets } from '../rejection.js';

const DEFAULT_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/** Ingresses that name no class get the default one. */
export class DefaultIngressClass implements AdmissionPlugin {
  readonly name = 'DefaultIngressClass';

  constructor(private readonly lister: Lister) {}

  handles(target: AdmissionTarget): boolean {
    return targets(target, 'networking.k8s.io', 'ingresses', ['CREATE']);
  }

  admit({ object }: AdmissionRequest): void {
    const ingress = object!;
    if (ingress['spec']?.ingressClassName != null) return;
    if (ingress.metadata.annotations?.[CLASS_ANNOTATION] !== undefined) return;
    const found = newestDefault(this.lister.list('networking.k8s.io/ingressclasses'), [DEFAULT_ANNOTATION]);
    if (found) (ingress['spec'] ??= {}).ingressClassName = found.metadata.name;
  }
}
