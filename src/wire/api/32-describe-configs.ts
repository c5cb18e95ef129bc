import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int8, int16, int32, message, string } from '../schema.ts'

/**
 * DescribeConfigs: the configs of topics, brokers, groups, loggers and client metrics.
 *
 *  v3  types and documentation
 *  v4  flexible
 */
export const DescribeConfigsRequest = message(
  'DescribeConfigsRequest',
  { key: 32, versions: '1-4', flexible: '4+' },
  {
    resources: array({
      resourceType: int8({ about: '2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group' }),
      resourceName: string(),
      configurationKeys: arrayOf(string(), { nullable: '0+' }),
    }),
    includeSynonyms: bool(),
    includeDocumentation: bool({ versions: '3+' }),
  },
)
export type DescribeConfigsRequest = Wire<typeof DescribeConfigsRequest>

export const DescribeConfigsResponse = message(
  'DescribeConfigsResponse',
  { key: 32, versions: '1-4', flexible: '4+' },
  {
    throttleTimeMs: int32(),
    results: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: '0+' }),
        readOnly: bool(),
        configSource: int8({
          default: -1,
          about: "1 topic, 2 broker, 3 cluster-wide default, 4 broker's file, 5 default, 6 broker logger, 7 client metrics, 8 group",
        }),
        isSensitive: bool(),
        synonyms: array({
          name: string(),
          value: string({ nullable: '0+' }),
          source: int8(),
        }),
        configType: int8({ versions: '3+', ignorable: true }),
        documentation: string({ versions: '3+', nullable: '0+', ignorable: true }),
      }),
    }),
  },
)
export type DescribeConfigsResponse = Wire<typeof DescribeConfigsResponse>
