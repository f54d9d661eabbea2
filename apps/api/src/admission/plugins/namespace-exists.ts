import { notFound } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';

/** Every write of a namespaced object needs its namespace, also an update or a deletion. */
export class NamespaceExists implements AdmissionPlugin {
  readonly name = 'NamespaceExists';

  constructor(private readonly lister: Lister) {}

  handles({ operation, resource }: AdmissionTarget): boolean {
    return operation !== 'CONNECT' && !(resource.group === '' && resource.resource === 'namespaces');
  }

  validate({ namespace }: AdmissionRequest): void {
    if (namespace === '' || this.lister.get('namespaces', '', namespace)) return;
    throw notFound({ group: '', resource: 'namespaces' }, namespace);
  }
}
