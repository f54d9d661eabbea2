import { Type } from 'class-transformer';
import { IsInt, IsNotEmpty, IsOptional, IsString, Matches, Max, Min } from 'class-validator';

/** PostgreSQL has no NUL in texts. */
const noNul = (field: string) => Matches(/^[^\0]*$/, { message: `${field} must not contain NUL` });

/** Which versions of which object are asked for. */
export class HistoryQuery {
  /** As the views of the database name it: `configmaps`, `apps/deployments`. */
  @IsNotEmpty()
  @IsString()
  resource!: string;

  /** Empty for what is in no namespace. */
  @noNul('namespace')
  @IsString()
  @IsOptional()
  namespace = '';

  @noNul('name')
  @IsNotEmpty()
  @IsString()
  name!: string;

  /** Only versions before this revision. */
  @Max(Number.MAX_SAFE_INTEGER)
  @Min(1)
  @IsInt()
  @IsOptional()
  @Type(() => Number)
  before?: number;

  @Max(50)
  @Min(1)
  @IsInt()
  @Type(() => Number)
  limit = 20;
}
