"""The dress of the page: tokens as CSS custom properties, the Material theme, the sheet of every HTML piece."""

from __future__ import annotations

from typing import Any

from lotviz.app.assets import asset
from lotviz.views.theme import FONT, TOKENS

STYLESHEET = asset("css", "lotviz.css").read_text(encoding="utf-8")


def _tokens(theme: str) -> dict[str, str]:
    """Return the theme's tokens as CSS custom properties."""
    return {**{f"--lv-{name}": value for name, value in TOKENS[theme].items()}, "--lv-font": FONT}


def _root(style: dict[str, Any], **parts: dict[str, Any]) -> dict[str, Any]:
    """Return a Material component's override of its root, and of other parts."""
    return {"styleOverrides": {"root": style, **parts}}


_COMPONENTS: dict[str, Any] = {
    "MuiToolbar": _root(
        {
            "minHeight": "48px !important",
            "margin": "0 !important",
            "paddingLeft": "16px !important",
            "paddingRight": "12px !important",
        }
    ),
    "MuiButtonBase": {
        "defaultProps": {"disableRipple": True},
        **_root({"&.Mui-focusVisible": {"outline": "2px solid var(--lv-accent) !important", "outlineOffset": "1px"}}),
    },
    "MuiOutlinedInput": _root(
        {"fontSize": 13, "&:has(:focus-visible)": {"outline": "2px solid var(--lv-accent)", "outlineOffset": "1px"}},
        notchedOutline={"borderColor": "var(--lv-line)"},
        input={"paddingTop": "7px", "paddingBottom": "7px"},
    ),
    "MuiFormLabel": _root({"fontSize": 13}),
    "MuiInputLabel": _root(
        {
            "fontSize": 13,
            "color": "var(--lv-ink2)",
            "&:not(.MuiInputLabel-shrink)": {"transform": "translate(14px, 7px) scale(1)"},  # of an empty list
        }
    ),
    "MuiTypography": {"styleOverrides": {"body1": {"fontSize": 13}}},
    "MuiFormControlLabel": {"styleOverrides": {"label": {"fontSize": 13}}},
    "MuiMenuItem": _root({"fontSize": 13, "minHeight": 30}),
    "MuiButton": {
        "defaultProps": {"disableElevation": True},
        **_root({"fontSize": 13, "minHeight": 32, "padding": "3px 12px"}),
    },
    "MuiToggleButton": _root(
        {
            "fontSize": 12,
            "padding": "4px 6px",
            "textTransform": "none",
            "lineHeight": 1.5,
            "borderColor": "var(--lv-line)",
            "color": "var(--lv-ink2)",
            "&.Mui-selected": {
                "backgroundColor": "var(--lv-tint)",
                "color": "var(--lv-accent)",
                "fontWeight": 600,
            },
        }
    ),
    "MuiSlider": {
        "styleOverrides": {
            "root": {"height": 3, "padding": "10px 0"},
            "thumb": {"width": 12, "height": 12},
            "rail": {"backgroundColor": "var(--lv-faint)", "opacity": 1},
        }
    },
    "MuiCheckbox": _root({"padding": "4px 8px", "transform": "scale(.85)"}),
}


def _material(theme: str) -> dict[str, Any]:
    """Return the Material theme: our colours, our type, no capitals, no shadows."""
    token = TOKENS[theme]
    return {
        "palette": {
            "primary": {"main": token["accent"]},
            "secondary": {"main": token["accent"]},
            "background": {"default": token["paper"], "paper": token["paper"]},
            "text": {"primary": token["ink"], "secondary": token["ink2"]},
            "divider": token["line"],
            "warning": {"main": token["warn"]},
        },
        "typography": {
            "fontFamily": FONT,
            "fontSize": 13,
            "button": {"textTransform": "none", "fontWeight": 500, "letterSpacing": 0},
        },
        "shape": {"borderRadius": 5},
        "components": _COMPONENTS,
    }


MATERIAL = {theme: _material(theme) for theme in TOKENS}

# Page paints its header by an inline rule and its title white, hence the `!important`s.
PAGE: dict[str, Any] = {
    "&.mui-light": _tokens("light"),
    "&.mui-dark": _tokens("dark"),
    "& .MuiAppBar-root": {
        "backgroundColor": "var(--lv-paper) !important",
        "backgroundImage": "none !important",
        "color": "var(--lv-ink2) !important",
        "boxShadow": "none",
        "borderBottom": "1px solid var(--lv-line)",
        "zIndex": 1300,
    },
    "& .MuiAppBar-root .MuiLinearProgress-root": {
        "position": "absolute",
        "bottom": "-1px",
        "height": "2px",
        "backgroundColor": "transparent",
    },
    "& .title": {
        "color": "var(--lv-ink) !important",
        "fontSize": "15px !important",
        "fontWeight": "650 !important",
        "letterSpacing": "-0.01em",
    },
    "& .MuiAppBar-root .MuiIconButton-root": {"padding": "6px", "marginRight": "4px", "& svg": {"fontSize": "19px"}},
    "& .MuiDrawer-paper": {
        "backgroundColor": "var(--lv-rail)",
        "backgroundImage": "none",
        "borderColor": "var(--lv-line)",
        "paddingBottom": "26px",
    },
    "& .MuiDrawer-root": {"zIndex": "1100 !important"},  # a persistent drawer lies above the header otherwise
    "& .main-content": {"paddingBottom": "25px"},
    "& *:focus-visible": {"outline": "2px solid var(--lv-accent)", "outlineOffset": "1px"},
}

NAVIGATION: dict[str, Any] = {
    "& .MuiListItemButton-root": {
        "borderRadius": "5px",
        "paddingTop": "3px",
        "paddingBottom": "3px",
        "marginBottom": "1px",
        "marginLeft": "0 !important",
        "color": "var(--lv-ink)",
        "borderLeft": "0 !important",
    },
    # Focus and selection would add borders and move the words.
    "& .MuiListItemButton-root.Mui-focusVisible": {"border": "0 !important"},
    "& .MuiListItemText-primary": {
        "fontSize": "13px",
        "textDecoration": "none !important",
        "fontWeight": "450 !important",
    },
    "& .MuiListItemIcon-root .MuiIcon-root": {"fontSize": "17px", "color": "var(--lv-ink3)"},
    "& .Mui-selected": {
        "backgroundColor": "var(--lv-tint) !important",
        "color": "var(--lv-accent)",
        "boxShadow": "inset 2px 0 0 var(--lv-accent)",
    },
    "& .Mui-selected .MuiListItemText-primary": {"fontWeight": "600 !important"},
    "& .Mui-selected .MuiIcon-root": {"color": "var(--lv-accent) !important"},
}
