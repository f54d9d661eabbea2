import { API_SERVER } from '../../identity/users.js';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { type Unenforced, unenforced } from '../unenforced.js';

/** Says what is taken and not acted on yet. No plugin of upstream's. */
export class UnenforcedFeatures implements AdmissionPlugin {
  readonly name = 'UnenforcedFeatures';
  private readonly rows = new Map<string, Unenforced[]>();

  constructor(
    private readonly lister: Lister,
    list: readonly Unenforced[] = unenforced,
  ) {
    for (const row of list) {
      for (const resource of row.resources) {
        const rows = this.rows.get(resource);
        if (rows) rows.push(row);
        else this.rows.set(resource, [row]);
      }
    }
  }

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    return (operation === 'CREATE' || operation === 'UPDATE') && subresource === '' && this.rows.has(nameOf(resource));
  }

  validate(request: AdmissionRequest): void {
    const { object, resource, user } = request;
    if (user.name === API_SERVER) return;
    for (const row of this.rows.get(nameOf(resource)) ?? []) {
      if (row.when?.(object!, this.lister) === false) continue;
      request.warn(row.text);
    }
  }
}

function nameOf({ group, resource }: AdmissionTarget['resource']): string {
  return group === '' ? resource : `${group}/${resource}`;
}
