import { type CelType, cel } from './type.js';

/** The name that a field of a schema has in CEL; undefined for a field that expressions cannot reach. */
export function escapeCelName(name: string): string | undefined {
  return name;
}

/** The type of a structural schema; undefined for a schema that leaves it open. */
export function celTypeOfSchema(_schema: unknown): CelType | undefined {
  return cel.dyn;
}
