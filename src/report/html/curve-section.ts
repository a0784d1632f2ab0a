// What changed step by step in a pass that trains: a picture of its losses.
import type { CompressionReport } from '../schema/compression-report.js';
import { type ChartOptions, drawChart, paint } from './draw-chart.js';
import { html, type Markup } from './markup.js';

type Curves = NonNullable<CompressionReport['passes'][number]['curves']>;

/** A heading and a chart for each pass that has curves. */
export async function curveCharts({ passes }: CompressionReport): Promise<Markup[]> {
  const charts: Markup[] = [];
  for (const { pass, curves } of passes) {
    if (!curves) continue;
    const chart = await drawChart(curveChart(curves), { height: 260, narrowHeight: 220, label: `curves of ${pass}` });
    charts.push(html`<h3>${pass}</h3>`, chart);
  }
  return charts;
}

/** The first curve is drawn thinly, as it scatters. */
function curveChart(curves: Curves): ChartOptions {
  const names = Object.keys(curves);
  const series = names.map((name, index) => ({
    name,
    type: 'line',
    symbol: index === 0 ? 'none' : 'circle',
    symbolSize: 6,
    lineStyle: { width: index === 0 ? 1 : 2, color: paint.series[index % paint.series.length] },
    itemStyle: { color: paint.series[index % paint.series.length] },
    data: curves[name],
  }));
  return () => ({
    legend: {
      data: names,
      top: 0,
      left: 0,
      itemWidth: 12,
      itemHeight: 12,
      textStyle: { color: paint.muted, fontSize: 12 },
    },
    grid: { left: 54, right: 16, top: 34, bottom: 40 },
    xAxis: {
      type: 'value',
      name: 'steps',
      nameLocation: 'middle',
      nameGap: 26,
      nameTextStyle: { color: paint.muted },
      axisLabel: { color: paint.muted, fontSize: 11 },
      axisLine: { show: true, lineStyle: { color: paint.line } },
      splitLine: { show: false },
      minInterval: 1,
      max: 'dataMax',
    },
    yAxis: {
      type: 'value',
      axisTick: { show: false },
      axisLine: { show: false },
      scale: true,
      axisLabel: { color: paint.muted, fontSize: 11 },
      splitLine: { lineStyle: { color: paint.line } },
    },
    series,
  });
}
