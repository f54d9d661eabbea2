import { Type } from 'class-transformer';
import { IsInt, IsNotEmpty, IsOptional, IsString, Max, Min } from 'class-validator';

/** Which versions of which object are asked for. */
export class HistoryQuery {
  /** As the views of the database name it: `configmaps`, `apps/deployments`. */
  @IsNotEmpty()
  @IsString()
  resource!: string;

  /** Empty for what is in no namespace. */
  @IsString()
  @IsOptional()
  namespace = '';

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

  @Max(500)
  @Min(1)
  @IsInt()
  @Type(() => Number)
  limit = 50;
}
