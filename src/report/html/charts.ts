// The charts of a report: what each shows, as options of echarts.

import { formatBytes } from '../format/format.js';
import { printable } from '../format/text-table.js';
import type { CompressionReport } from '../schema/compression-report.js';
import type { NodeComparison, WeightGroups } from '../schema/node-comparison.js';
import { type ChartOptions, isNarrow, paint } from './draw-chart.js';

type Bytes = Readonly<Record<string, number>>;

const axisLabel = { color: paint.muted, fontSize: 11 };
const splitLine = { lineStyle: { color: paint.line } };
const axisLine = { show: true, lineStyle: { color: paint.line } };
const bare = { axisTick: { show: false }, axisLine: { show: false } };

function legend(data: readonly string[]) {
  return {
    data,
    top: 0,
    left: 0,
    itemWidth: 12,
    itemHeight: 12,
    itemGap: 14,
    icon: 'roundRect',
    textStyle: { color: paint.muted, fontSize: 12 },
  };
}

/** Bytes by data type, those of less than a hundredth of everything joined to `other`. */
function joinSmall(all: readonly Bytes[]): Record<string, number>[] {
  const least = 0.01 * Math.max(...all.map(sum));
  const large = new Set(all.flatMap((bytes) => Object.keys(bytes).filter((type) => bytes[type] >= least)));
  return all.map((bytes) => {
    const joined: Record<string, number> = {};
    for (const [type, count] of Object.entries(bytes)) {
      const name = large.has(type) ? type : 'other';
      joined[name] = (joined[name] ?? 0) + count;
    }
    return joined;
  });
}

function stackedBars(models: readonly { readonly name: string; readonly bytes: Bytes }[], left: number): ChartOptions {
  const joined = joinSmall(models.map(({ bytes }) => bytes));
  const rows = models.map(({ name }, index) => ({ name, bytes: joined[index] }));
  const types = [...new Set(joined.flatMap((bytes) => Object.keys(bytes)))].sort(
    (a, b) => Number(a === 'other') - Number(b === 'other'),
  );
  return (width) => ({
    legend: legend(types),
    grid: { left: isNarrow(width) ? Math.min(left, 92) : left, right: 56, top: 30, bottom: 4 },
    xAxis: { type: 'value', splitNumber: 4, axisLabel: { show: false }, splitLine },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map(({ name }) => name),
      axisLabel: {
        ...axisLabel,
        color: paint.ink,
        width: (isNarrow(width) ? Math.min(left, 92) : left) - 10,
        overflow: 'truncate',
      },
      ...bare,
    },
    series: types.map((type, index) => ({
      name: type,
      type: 'bar',
      stack: 'bytes',
      barMaxWidth: 22,
      itemStyle: { color: paint.series[index % paint.series.length] },
      data: rows.map(({ bytes }) => bytes[type] ?? 0),
      // The last of the stack tells the sum.
      label: {
        show: index === types.length - 1,
        position: 'right',
        color: paint.muted,
        fontSize: 11,
        formatter: ({ dataIndex }: { readonly dataIndex: number }) => formatBytes(sum(rows[dataIndex].bytes)),
      },
    })),
  });
}

function sum(bytes: Bytes): number {
  return Object.values(bytes).reduce((total, count) => total + count, 0);
}

export function sizeByType({ input, output }: CompressionReport): ChartOptions {
  const rows = [{ name: 'before', bytes: input.weightBytes }];
  if (output) rows.push({ name: 'after', bytes: output.weightBytes });
  return stackedBars(rows, 60);
}

/** Two bars a part of the model. */
export function sizeByGroup(groups: WeightGroups): ChartOptions {
  const label = { show: true, position: 'right', color: paint.muted, fontSize: 10 };
  const series = (name: 'before' | 'after', side: 'input' | 'output') => ({
    name,
    type: 'bar',
    barMaxWidth: 11,
    barGap: '10%',
    itemStyle: { color: paint[name], borderRadius: 2 },
    data: groups.map((group) => sum(group[side])),
    label: { ...label, formatter: ({ value }: { readonly value: number }) => formatBytes(value) },
  });
  return (width) => {
    const names = groups.map(({ group }) => shorten(printable(group), isNarrow(width) ? 18 : 38));
    const left = labelWidth(names);
    return {
      legend: legend(['before', 'after']),
      grid: { left, right: 60, top: 30, bottom: 4 },
      xAxis: { type: 'value', axisLabel: { show: false }, splitNumber: 4, splitLine },
      yAxis: {
        type: 'category',
        inverse: true,
        data: names,
        axisLabel: { ...axisLabel, color: paint.ink },
        ...bare,
      },
      series: [series('before', 'input'), series('after', 'output')],
    };
  };
}

/** Room for labels of 11 pixels, which are not measured without a browser. */
function labelWidth(names: readonly string[]): number {
  return 14 + 6.4 * Math.max(...names.map(({ length }) => length));
}

/** The ends of paths tell them apart. */
function shorten(text: string, most: number): string {
  return text.length <= most ? text : `…${text.slice(1 - most)}`;
}

/** How many per cent of the inferences take at most so long. */
export function latencyDistribution({
  input,
  output,
}: NonNullable<CompressionReport['timing']['latency']>): ChartOptions {
  // The slowest few say more of the machine than of the model, and would flatten the rest.
  const points = (quantiles: readonly number[]) => quantiles.slice(0, -1).map((value, step) => [value, step * 5]);
  const series = (name: 'before' | 'after', quantiles: readonly number[]) => ({
    name,
    type: 'line',
    smooth: 0.2,
    symbol: 'none',
    lineStyle: { color: paint[name], width: 2.5 },
    itemStyle: { color: paint[name] },
    data: points(quantiles),
  });
  return () => ({
    legend: legend(['before', 'after']),
    grid: { left: 46, right: 16, top: 34, bottom: 40 },
    xAxis: {
      type: 'value',
      scale: true,
      name: 'milliseconds',
      nameLocation: 'middle',
      nameGap: 26,
      nameTextStyle: { color: paint.muted },
      axisLabel,
      axisLine,
      splitLine: { show: false },
      splitNumber: 5,
    },
    yAxis: {
      type: 'value',
      ...bare,
      min: 0,
      max: 100,
      interval: 25,
      axisLabel: { ...axisLabel, formatter: '{value} %' },
      splitLine,
    },
    series: [series('before', input.quantiles), series('after', output.quantiles)],
  });
}

/** One point a node, in graph order. */
export function nodeErrors({ nodes, worst }: NodeComparison): ChartOptions {
  const names = new Set(worst.map(({ node }) => node));
  const point = (index: number) => {
    const { node, sqnr } = nodes[index];
    return { value: [index + 1, sqnr], itemStyle: { color: names.has(node) ? paint.bad : paint.after } };
  };
  const data = [...nodes.keys()].filter((index) => nodes[index].sqnr !== null).map(point);
  return () => ({
    grid: { left: 46, right: 16, top: 26, bottom: 40 },
    xAxis: {
      type: 'value',
      min: 0,
      max: nodes.length + 1,
      name: 'nodes with weights, in graph order',
      nameLocation: 'middle',
      nameGap: 26,
      nameTextStyle: { color: paint.muted },
      axisLabel,
      axisLine,
      minInterval: 1,
      splitLine: { show: false },
    },
    yAxis: {
      type: 'value',
      ...bare,
      scale: true,
      name: 'SQNR (dB)',
      nameTextStyle: { color: paint.muted, align: 'left', padding: [0, 0, 0, -40] },
      axisLabel,
      splitLine,
    },
    series: [{ type: 'scatter', symbolSize: 7, data }],
  });
}

type Distribution = NodeComparison['worst'][number];
type Histogram = Distribution['original'];

/** Bars for one distribution, a line for a second one over the same range. */
export function distribution(first: Histogram, second: Histogram | null): ChartOptions {
  const width = (first.high - first.low) / first.counts.length;
  const centres = first.counts.map((_, bin) => first.low + (bin + 0.5) * width);
  const lines = second
    ? [
        {
          type: 'line',
          step: 'middle',
          symbol: 'none',
          lineStyle: { color: paint.after, width: 1.5 },
          data: logs(second),
        },
      ]
    : [];
  return () => ({
    grid: { left: 10, right: 10, top: 8, bottom: 22 },
    xAxis: {
      type: 'category',
      data: centres.map((centre) => String(Number(centre.toPrecision(2)))),
      axisLabel: { ...axisLabel, interval: Math.floor(centres.length / 4) },
      axisTick: { show: false },
      axisLine,
    },
    // Logarithmic, so that the few far out can be seen.
    yAxis: { type: 'value', show: false },
    series: [
      {
        type: 'bar',
        barCategoryGap: '8%',
        itemStyle: { color: second ? paint.before : paint.series[1] },
        data: logs(first),
      },
      ...lines,
    ],
  });
}

function logs({ counts }: Histogram): number[] {
  return counts.map((count) => Math.log10(count + 1));
}
