#!/bin/sh
# Fetches what static/vendor/ holds from npm and rebuilds the icon sprite. Its results are committed,
# so only whoever raises a version runs this:
#
#     scripts/vendor_static.sh           fetch, write the files and static/vendor/SHA256SUMS
#     scripts/vendor_static.sh --check   only compare the files with SHA256SUMS (needs no network)
#
# htmx is not here: it comes with django-htmx.
set -eu

TABLER=1.6.1
INTER=5.3.0
ICONS=3.51.0
SCALAR=1.46.4
CHART=4.6.1

# The names in the sprite, static/icons.svg, as in https://tabler.io/icons (outline).
SPRITE="
address-book adjustments alert-circle alert-triangle arrow-down-right arrow-left arrow-right
arrow-up-right ban bell bolt building-store calendar calendar-time chart-bar check checks
chevron-down chevron-left chevron-right circle-check circle-x clock coins copy corner-up-left
device-laptop device-mobile download edit external-link eye file-export file-import file-text filter
fingerprint git-merge help-circle history home hourglass info-circle key language lifebuoy
list-details lock logout mail map-pin message message-circle messages mood-smile moon music paperclip phone
photo player-pause player-play plug plug-connected plus point refresh rotate-clockwise search
selector send settings shield-check shield-lock stack-2 star stethoscope sun sun-moon table tag tags
template trash unlink upload user user-off user-plus users video webhook x
"

cd "$(dirname "$0")/../static"
if [ "${1:-}" = "--check" ]; then
    exec sha256sum --check --quiet vendor/SHA256SUMS
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() { # package version folder
    (cd "$work" && npm pack --silent "$1@$2" >"$3.name")
    mkdir "$work/$3"
    tar -xzf "$work/$(cat "$work/$3.name")" -C "$work/$3" --strip-components=1
}
unpack @tabler/core "$TABLER" tabler
unpack @fontsource-variable/inter "$INTER" inter
unpack @tabler/icons "$ICONS" icons
unpack @scalar/api-reference "$SCALAR" scalar
unpack chart.js "$CHART" chart

mkdir -p vendor vendor/scalar
# The source maps are not shipped, so nothing may point at them.
for file in css/tabler.min.css css/tabler.rtl.min.css js/tabler.min.js; do
    sed 's|/[/*]# sourceMappingURL=[^*]*\(\*/\)\{0,1\}$||' "$work/tabler/dist/$file" >"vendor/${file##*/}"
done
cp "$work"/inter/files/inter-latin-wght-normal.woff2 "$work"/inter/files/inter-latin-ext-wght-normal.woff2 vendor/
# Tabler's package has no licence file: the copyright of its banner, over the MIT text of its icons.
{
    printf 'MIT License\n\n'
    sed -n 's/^ \* \(Copyright .*\)/\1/p' "$work/tabler/dist/css/tabler.min.css"
    sed -e '1,/^Copyright/d' "$work/icons/LICENSE"
} >vendor/LICENSE.tabler
sed 's|//# sourceMappingURL=.*$||' "$work/chart/dist/chart.umd.min.js" >vendor/chart.umd.min.js
cp "$work/chart/LICENSE.md" vendor/LICENSE.chart.js
cp "$work/inter/LICENSE" vendor/LICENSE.inter
cp "$work/icons/LICENSE" vendor/LICENSE.tabler-icons
cp "$work/scalar/dist/browser/standalone.js" vendor/scalar/
# Scalar's package has no licence file either; its repository's is the MIT text under this line.
{
    printf 'MIT License\n\nCopyright (c) 2023-present Scalar\n'
    sed -e '1,/^Copyright/d' "$work/icons/LICENSE"
} >vendor/LICENSE.scalar

{
    printf '<svg xmlns="http://www.w3.org/2000/svg">'
    for name in $SPRITE; do
        printf '<symbol id="%s" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">' "$name"
        # The drawing itself: without the comment, the outer element and the line ends.
        sed -e '/^<!--/,/-->/d' "$work/icons/icons/outline/$name.svg" |
            tr '\n' ' ' | sed -e 's/<svg[^>]*>//' -e 's|</svg>||' -e 's/  */ /g' -e 's/^ //' -e 's/ $//'
        printf '</symbol>\n'
    done
    printf '</svg>\n'
} >icons.svg

cat >vendor/VERSIONS <<END
@tabler/core $TABLER (MIT): tabler.min.css, tabler.rtl.min.css, tabler.min.js
@fontsource-variable/inter $INTER (OFL-1.1): inter-*.woff2
@tabler/icons $ICONS (MIT): ../icons.svg
@scalar/api-reference $SCALAR (MIT): scalar/standalone.js
chart.js $CHART (MIT): chart.umd.min.js
END
sha256sum icons.svg vendor/*.* vendor/scalar/*.* | grep -v SHA256SUMS >"$work/sums"
mv "$work/sums" vendor/SHA256SUMS
